"""The pipeline: its stages, a run of it, a trial, and its verdict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lastro.cli.common import cli, print_table, print_verdict
from lastro.core.errors import LastroError, VerdictError, readable
from lastro.core.paths import Paths, find_root
from lastro.operations.github import job

if TYPE_CHECKING:
    from lastro.core.params import Params
    from lastro.operations.tracking.recorder import Recorder

STAGES = ("prepare", "train", "evaluate")
HYPERPARAMETER = "hyperparameter_"
"""Prefix of the arguments of `lastro train` that are the family's."""


@cli.command("stage")
@click.argument("name", type=click.Choice(STAGES))
def stage(name: str) -> None:
    """Run one stage of the pipeline, as `dvc repro` does, and record it in MLflow.

    It reads and writes the files of the folder it is run in, whether or not they are up to date. `dvc repro` runs what is
    outdated.
    """
    paths = Paths.of(Path.cwd())
    if name == "prepare":
        from lastro.core.document import Document

        # The hyperparameters are for train to check: it knows the families.
        params = Document.read(paths.params).params()
    else:
        from lastro.families.catalog import load_params

        params = load_params(paths.params)
    run_stage(name, params, paths)


def run_stage(name: str, params: Params, paths: Paths, trial: bool = False) -> None:
    """Run one stage; train and evaluate beside the recorder, which writes their MLflow run."""
    if name == "prepare":
        from lastro.tables.prepare import prepare

        prepare(params, paths)
        return
    from lastro.operations.tracking.recorder import Recorder

    with Recorder(paths, name, trial) as recorder:
        recorder.finish((_train if name == "train" else _evaluate)(params, paths, recorder))


def _train(params: Params, paths: Paths, recorder: Recorder) -> str | None:
    from lastro.families.train import train

    autolog = params.tracking.mode == "autolog" and not recorder.off
    recorder.wait_until_ready(always=autolog)
    if not autolog:
        train(params, paths)
        return None
    from lastro.operations.tracking.autolog import Autolog

    logged = Autolog(paths.root, params.model.family)
    train(params, paths, logged.around)
    return logged.run_id


def _evaluate(params: Params, paths: Paths, _recorder: Recorder) -> None:
    from lastro.evaluation.evaluate import evaluate
    from lastro.evaluation.text import HEADERS, metric_rows, slice_table

    evaluation, verdict = evaluate(params, paths)
    what = f"{params.model.family}, {evaluation['task']}, {evaluation['rows']} held-out rows"
    click.echo(f"{params.name}: {what}\n")
    print_table(metric_rows(evaluation["metrics"]), HEADERS)
    calibration = evaluation["metrics"].get("calibration_error")
    if calibration and calibration["low"] is not None and calibration["value"] < calibration["low"]:
        click.echo(
            "(calibration_error: resampling adds noise, which only adds to it; its interval leans upward)"
        )
    click.echo()
    for column, groups in evaluation["slices"].items():
        headers, rows = slice_table(groups)
        print_table(rows, [column, *headers])
        click.echo()
    print_verdict(verdict)


@cli.command("repro")
@click.option(
    "--locked",
    is_flag=True,
    envvar="LASTRO_LOCKED",
    help="Refuse an outdated dvc.lock, and other outputs than it records.",
)
def repro(locked: bool) -> None:
    """Run `dvc repro --pull`: restore what DVC's storage has, run the rest, and note for `lastro report` what was run."""
    from lastro.operations.lineage.pipeline import run_pipeline

    ran = run_pipeline(find_root(), locked)
    nothing = "nothing had to be run: all of it was there or in DVC's storage"
    click.echo(f"ran: {', '.join(ran)}" if ran else nothing)
    job.output(ran=",".join(ran))


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
        from lastro.core.document import Document
        from lastro.families import catalog

        common = super().get_params(ctx)
        chosen = [arg.partition("model.family=")[2] for arg in sys.argv if "model.family=" in arg]
        try:
            if not chosen:
                chosen = [Document.read(find_root() / "params.yaml").params().model.family]
            fields = catalog.get(chosen[-1]).Hyperparameters.model_fields
        except LastroError:
            # The command itself will say what is wrong; `lastro train --help` still answers.
            return common
        return common + [
            click.Option(
                [f"--{name.replace('_', '-')}", HYPERPARAMETER + name],
                metavar="VALUE",
                help=f"{field.description or name}; default {field.default}",
            )
            for name, field in fields.items()
        ]


@cli.command("train", cls=TrialCommand)
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_parse_set,
    help="Any other key of params.yaml.",
)
def train(overrides: dict[str, Any], **options: str | None) -> None:
    """Train and evaluate a trial with other parameters, and track it as a run of its own.

    params.yaml, dvc.lock and the outputs of the pipeline stay as they are: the trial prepares, trains and
    evaluates in a temporary folder.
    """
    import tempfile

    from lastro.core.yaml12 import load
    from lastro.families import catalog

    given = {name.removeprefix(HYPERPARAMETER): text for name, text in options.items() if text is not None}
    chosen = {f"model.params.{name}": load(text) for name, text in given.items()}
    root = find_root()
    if "model.family" in overrides:
        # The hyperparameters in params.yaml are another family's.
        overrides = {"model.params": {}, **overrides}
    params = catalog.load_params(root / "params.yaml", {**overrides, **chosen})
    with tempfile.TemporaryDirectory(prefix="lastro-trial-") as folder:
        paths = Paths(root, Path(folder))
        # Always prepared again: the pipeline's data may be another table's by now.
        for name in STAGES:
            run_stage(name, params, paths, trial=True)


@cli.command("check")
@click.option(
    "--champion",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Predictions (predictions.parquet) of another model: also judge against it, on the rows that both held out.",
)
def check(champion: Path | None) -> None:
    """Print the verdict that evaluate wrote, rule by rule; exit 1 when it is fail.

    With --champion the gate runs again, with its comparison on the rows that both files have.
    """
    from lastro.core.files import read_json
    from lastro.evaluation.evaluate import read_training
    from lastro.evaluation.gate import Verdict, judge
    from lastro.evaluation.predictions import Predictions
    from lastro.families.catalog import load_params

    paths = Paths.of(find_root())
    # DVC overlooks a change outside of the sections that the stages name, such as a misspelt section.
    params = load_params(paths.params)
    _refuse_another_models(paths)
    verdict = Verdict.from_json(read_json(paths.verdict, "run dvc repro"))
    if champion:
        prior = read_training(paths.training)["prior"]
        candidate, other = Predictions.read(paths.predictions), Predictions.read(champion)
        verdict = judge(candidate, params.gate, params.evaluation, prior, champion=other)
    print_verdict(verdict)
    if not verdict.passed:
        failed = ", ".join(rule.name for rule in verdict.rules if not rule.passed)
        raise VerdictError(f"the verdict is fail ({failed})", fix="change params.yaml and run dvc repro")


def _refuse_another_models(paths: Paths) -> None:
    """Refuse a verdict unless dvc.lock is up to date and records these very files: it counts for this model only."""
    from lastro.operations.lineage import lineage
    from lastro.operations.lineage.dvc import file_md5

    found = lineage.read(paths.root)
    for item in found.outdated:
        problem = f"dvc.lock is outdated: {item.stage}: {item.what}"
        raise LastroError(problem, fix=f"{item.fix}, then check again")
    for path, recorded in ((paths.verdict, found.verdict), (paths.predictions, found.predictions)):
        with readable(path, "run dvc checkout or dvc repro"):
            here = file_md5(path)
        if here != recorded:
            fix = "run dvc checkout, or dvc repro, then check again"
            raise LastroError("is not the file that dvc.lock records", where=path, fix=fix)
