"""`lastro train`: a trial with other hyperparameters, tracked like any run, that touches no file of the pipeline."""

from __future__ import annotations

import sys
from typing import Any

import click


def _parse_set(_ctx: click.Context, _param: click.Parameter, pairs: tuple[str, ...]) -> dict[str, Any]:
    from lastro.core.yaml12 import YAMLError, load

    values = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            raise click.BadParameter(f"{pair!r} is not key=value, for example data.split.test=0.3")
        try:
            values[key] = load(text)
        except (YAMLError, ValueError):
            raise click.BadParameter(f"{text!r} is not a YAML value") from None
    return values


class TrialCommand(click.Command):
    """Has one option for each hyperparameter of the family that params.yaml, or `--set model.family=`, names."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *_hyperparameter_options()]


def _hyperparameter_options() -> list[click.Option]:
    from lastro.core.document import Document
    from lastro.core.errors import LastroError
    from lastro.core.paths import find_root
    from lastro.families import catalog

    chosen = [arg.partition("model.family=")[2] for arg in sys.argv if "model.family=" in arg]
    try:
        family = chosen[-1] if chosen else Document.read(find_root() / "params.yaml").params().model.family
        fields = catalog.get(family).Hyperparameters.model_fields
    except LastroError:
        # The command itself will say what is wrong; `lastro train --help` still answers.
        return []
    return [
        click.Option(
            [f"--{name.replace('_', '-')}", PREFIX + name],
            metavar="VALUE",
            help=f"{field.description or name}; default {field.default}",
        )
        for name, field in fields.items()
    ]


PREFIX = "hyperparameter_"


@click.command("train", cls=TrialCommand)
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_parse_set,
    help="Any other key of params.yaml.",
)
def command(overrides: dict[str, Any], **options: str | None) -> None:
    """Train and evaluate a trial with other parameters, and track it as a run of its own.

    params.yaml, dvc.lock and the outputs of the pipeline stay as they are: the trial prepares, trains and
    evaluates in a temporary folder.
    """
    import tempfile
    from pathlib import Path

    from lastro.cli.stage import STAGES, run_stage
    from lastro.core.paths import Paths, find_root
    from lastro.core.yaml12 import load
    from lastro.families import catalog

    given = {name: value for name, value in options.items() if value is not None}
    chosen = {f"model.params.{name.removeprefix(PREFIX)}": load(text) for name, text in given.items()}
    root = find_root()
    if "model.family" in overrides:
        # The hyperparameters in params.yaml are another family's.
        overrides = {"model.params": {}, **overrides}
    params = catalog.load_params(root / "params.yaml", {**overrides, **chosen})
    with tempfile.TemporaryDirectory(prefix="lastro-trial-") as folder:
        paths = Paths(root, Path(folder))
        # Always prepared again: the pipeline's data may be another table's by now.
        for stage in STAGES:
            run_stage(stage, params, paths, trial=True)
