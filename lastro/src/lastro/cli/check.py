"""`lastro check`: the verdict as an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lastro.core.params import Params
    from lastro.core.paths import Paths
    from lastro.evaluation.verdict import Verdict


@click.command("check")
@click.option(
    "--champion",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Predictions (predictions.parquet) of another model: also judge against it, on the rows that both held out.",
)
def command(champion: Path | None) -> None:
    """Print the verdict that evaluate wrote, rule by rule; exit 1 when it is fail.

    With --champion the gate runs again, with its comparison on the rows that both files have.
    """
    from lastro.cli.console import print_verdict
    from lastro.core.errors import VerdictError
    from lastro.core.paths import Paths, find_root
    from lastro.families.catalog import load_params

    paths = Paths.of(find_root())
    # DVC overlooks a change outside of the sections that the stages name, such as a misspelt section.
    params = load_params(paths.params)
    _refuse_another_models(paths)
    verdict = _judge(params, paths, champion) if champion else _read(paths.verdict)
    print_verdict(verdict)
    if not verdict.passed:
        failed = ", ".join(rule.name for rule in verdict.rules if not rule.passed)
        raise VerdictError(f"the verdict is fail ({failed})", fix="change params.yaml and run dvc repro")


def _refuse_another_models(paths: Paths) -> None:
    """Refuse a verdict unless dvc.lock is up to date and records these very files: it counts for this model only."""
    from lastro.core.errors import LastroError
    from lastro.operations.lineage import lineage
    from lastro.operations.lineage.dvc import file_md5

    found = lineage.read(paths.root)
    for item in found.outdated:
        raise LastroError(
            f"dvc.lock is outdated: {item.stage}: {item.what}", fix=f"{item.fix}, then check again"
        )
    for path, recorded in ((paths.verdict, found.verdict), (paths.predictions, found.predictions)):
        try:
            here = file_md5(path)
        except OSError as error:
            raise LastroError(
                f"cannot be read ({error.strerror})", where=path, fix="run dvc checkout or dvc repro"
            ) from None
        if here != recorded:
            raise LastroError(
                "is not the file that dvc.lock records",
                where=path,
                fix="run dvc checkout, or dvc repro, then check again",
            )


def _read(path: Path) -> Verdict:
    import json

    from lastro.core.errors import LastroError
    from lastro.evaluation.verdict import Verdict

    try:
        return Verdict.from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise LastroError(f"holds no verdict ({error})", where=path, fix="run dvc repro") from None


def _judge(params: Params, paths: Paths, champion: Path) -> Verdict:
    from lastro.evaluation.evaluate import read_training
    from lastro.evaluation.gate import judge
    from lastro.evaluation.predictions import Predictions

    prior = read_training(paths.training)["prior"]
    candidate = Predictions.read(paths.predictions)
    return judge(candidate, params.gate, params.evaluation, prior, champion=Predictions.read(champion))
