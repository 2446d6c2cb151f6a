"""`lastro init`: the template becomes a person's own repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lastro.tables.examples import EXAMPLES, write_example

TASKS = ("auto", "classification", "regression")


@click.command("init")
@click.option(
    "--data", type=click.Path(path_type=Path), help="CSV or Parquet file, or a folder of Parquet parts."
)
@click.option(
    "--example", type=click.Choice(EXAMPLES), help="Write a data set of scikit-learn to data/ and take it."
)
@click.option("--target", metavar="COLUMN", help="The column to predict.")
@click.option("--task", type=click.Choice(TASKS), help="Default: auto, decided from the target's values.")
@click.option("--family", metavar="NAME", help="Default: xgboost.")
@click.option("--name", help="Experiment and registered model; default: the file's name.")
@click.option("--ignore", metavar="COLUMN", multiple=True, help="No feature; may be given several times.")
@click.option("--force", is_flag=True, help="Also replace what is not the example's.")
@click.option("--no-run", is_flag=True, help="Do not run the pipeline.")
def command(force: bool, no_run: bool, example: str | None, **wishes: Any) -> None:
    """Put your own table in the place of the example, and run the pipeline once.

    Asks for what is not given; with --data and --target it asks for nothing. Parameters and table are checked first, as
    the pipeline would: if anything is wrong, no file has changed. A table that is not in Git is given to DVC, and one from
    outside of the repository is copied to data/raw first.
    """
    from lastro.core.errors import ExternalError
    from lastro.core.paths import find_root
    from lastro.operations.lineage import init as adopt
    from lastro.operations.lineage.dvc import run_dvc

    root = find_root()
    if example:
        wishes |= {"data": root / "data" / f"{example}.csv", "target": wishes["target"] or "target"}
        if not wishes["data"].exists():
            write_example(example, wishes["data"])
    adoption = adopt.plan(root, _ask(wishes), force)
    changed = adopt.apply(adoption)
    click.echo(f"{adoption.task} of {adoption.source}; written: {', '.join(changed)}")
    if no_run:
        click.echo("next: dvc repro")
        return
    if run_dvc(root, "repro"):
        raise ExternalError(
            "failed, see above", where="dvc repro", fix="params.yaml is written: change it and run dvc repro"
        )
    click.echo("next: lastro check; then git add --all, git commit, dvc push")


def _ask(wishes: dict[str, Any]) -> Any:
    from lastro.core.errors import LastroError
    from lastro.families.catalog import FAMILIES
    from lastro.operations.lineage.init import Wish, name_of

    asked = wishes["data"] is None or wishes["target"] is None
    try:
        if asked:
            _prompt(wishes, "data", "Data file", type=click.Path(path_type=Path))
            _prompt(wishes, "target", "Column to predict")
            _prompt(wishes, "task", "Task", type=click.Choice(TASKS), default="auto")
            _prompt(wishes, "family", "Model family", type=click.Choice(list(FAMILIES)), default="xgboost")
            _prompt(wishes, "name", "Name of the model", default=name_of(wishes["data"]))
    except click.Abort:
        raise LastroError(
            "the answers ended too early", where="init", fix="give --data and --target"
        ) from None
    return Wish(**{key: value for key, value in wishes.items() if value is not None})


def _prompt(wishes: dict[str, Any], key: str, question: str, **options: Any) -> None:
    if wishes[key] is None:
        wishes[key] = click.prompt(question, **options)
