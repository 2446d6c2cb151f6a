"""`lastro stage NAME`: what dvc.yaml calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lastro.core.params import Params
    from lastro.core.paths import Paths

STAGES = ("prepare", "train", "evaluate")


@click.command("stage")
@click.argument("name", type=click.Choice(STAGES))
def command(name: str) -> None:
    """Run one stage of the pipeline, as `dvc repro` does, and record it in MLflow.

    It reads and writes the files of the folder it is run in, whether or not they are up to date. `dvc repro` runs what is
    outdated.
    """
    from pathlib import Path

    from lastro.core.paths import Paths

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
    """Run one stage; train and evaluate beside the recorder, which writes their MLflow run.

    Raises:
        LastroError: see the stages.
        ExternalError: a remote tracking server does not answer before the training; nothing has been trained then.
    """
    if name == "prepare":
        from lastro.tables.prepare import prepare

        prepare(params, paths)
        return
    from lastro.operations.tracking.recorder import Recorder

    with Recorder(paths, name, trial) as recorder:
        run_id = _train(params, paths, recorder) if name == "train" else _evaluate(params, paths)
        recorder.finish(run_id)


def _train(params: Params, paths: Paths, recorder: Any) -> str | None:
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


def _evaluate(params: Params, paths: Paths) -> None:
    from lastro.cli.console import print_evaluation
    from lastro.evaluation.evaluate import evaluate

    print_evaluation(params, *evaluate(params, paths))
