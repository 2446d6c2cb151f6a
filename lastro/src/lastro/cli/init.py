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
def command(force: bool, no_run: bool, example: str | None, **options: Any) -> None:
    """Put your own table in the place of the example, and run the pipeline once.

    Asks for what is not given; with --data and --target it asks for nothing. Parameters and table are checked first, as
    the pipeline would: if anything is wrong, no file has changed. A table that is not in Git is given to DVC, and one from
    outside of the repository is copied to data/raw first.
    """
    from lastro.core.errors import ExternalError
    from lastro.core.paths import find_root
    from lastro.operations.lineage.dvc import run_dvc
    from lastro.operations.lineage.init import apply, make_plan

    root = find_root()
    if example:
        options |= {"data": root / "data" / f"{example}.csv", "target": options["target"] or "target"}
        if not options["data"].exists():
            write_example(example, options["data"])
    plan = make_plan(root, _ask(options), force)
    changed = apply(plan)
    click.echo(f"{plan.task} of {plan.source}; written: {', '.join(changed)}")
    if no_run:
        click.echo("next: dvc repro")
        return
    if run_dvc(root, "repro"):
        raise ExternalError(
            "failed, see above", where="dvc repro", fix="params.yaml is written: change it and run dvc repro"
        )
    click.echo("next: lastro check; then git add --all, git commit, dvc push")


def _ask(options: dict[str, Any]) -> Any:
    from lastro.core.errors import LastroError
    from lastro.families.catalog import FAMILIES
    from lastro.operations.lineage.init import Options, name_of

    asked = options["data"] is None or options["target"] is None
    try:
        if asked:
            _prompt(options, "data", "Data file", type=click.Path(path_type=Path))
            _prompt(options, "target", "Column to predict")
            _prompt(options, "task", "Task", type=click.Choice(TASKS), default="auto")
            _prompt(options, "family", "Model family", type=click.Choice(list(FAMILIES)), default="xgboost")
            _prompt(options, "name", "Name of the model", default=name_of(options["data"]))
    except click.Abort:
        raise LastroError(
            "the answers ended too early", where="init", fix="give --data and --target"
        ) from None
    return Options(**{key: value for key, value in options.items() if value is not None})


def _prompt(options: dict[str, Any], key: str, question: str, **how: Any) -> None:
    if options[key] is None:
        options[key] = click.prompt(question, **how)
