"""The repository around a model: set up, its status, merges, the record of its run, its bytes made again, its machine."""

from __future__ import annotations

import os
import re
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from lastro.cli.common import JSON, cli, opened_registry, print_json
from lastro.core.errors import ExternalError, LastroError
from lastro.core.paths import Paths, find_root
from lastro.operations.github import job
from lastro.operations.lineage import git
from lastro.tables.examples import EXAMPLES, write_example

TASKS = ("auto", "classification", "regression")


@cli.command("init")
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
def init(force: bool, no_run: bool, example: str | None, **options: Any) -> None:
    """Put your own table in the place of the example, and run the pipeline once.

    Asks for what is not given; with --data and --target it asks for nothing. Parameters and table are checked first, as
    the pipeline would: if anything is wrong, no file has changed. A table that is not in Git is given to DVC, and one from
    outside of the repository is copied to data/raw first.
    """
    from lastro.operations.lineage.dvc import run_dvc
    from lastro.operations.lineage.init import Options, apply, make_plan

    root = find_root()
    if example:
        options |= {"data": root / "data" / f"{example}.csv", "target": options["target"] or "target"}
        if not options["data"].exists():
            write_example(example, options["data"])
    if options["data"] is None or options["target"] is None:
        _ask(options)
    given = {key: value for key, value in options.items() if value is not None}
    plan = make_plan(root, Options(**given), force)
    changed = apply(plan)
    click.echo(f"{plan.task} of {plan.source}; written: {', '.join(changed)}")
    if no_run:
        click.echo("next: dvc repro")
        return
    if run_dvc(root, "repro"):
        fix = "params.yaml is written: change it and run dvc repro"
        raise ExternalError("failed, see above", where="dvc repro", fix=fix)
    click.echo("next: lastro check; then git add --all, git commit, dvc push")


def _ask(options: dict[str, Any]) -> None:
    from lastro.families.catalog import FAMILIES
    from lastro.operations.lineage.init import name_of

    def ask(key: str, question: str, **how: Any) -> None:
        if options[key] is None:
            options[key] = click.prompt(question, **how)

    try:
        ask("data", "Data file", type=click.Path(path_type=Path))
        ask("target", "Column to predict")
        ask("task", "Task", type=click.Choice(TASKS), default="auto")
        ask("family", "Model family", type=click.Choice(list(FAMILIES)), default="xgboost")
        ask("name", "Name of the model", default=name_of(options["data"]))
    except click.Abort:
        fix = "give --data and --target"
        raise LastroError("the answers ended too early", where="init", fix=fix) from None


@cli.command("status")
@click.option("--rev", metavar="REV", help="A branch, tag or commit; without it, the files on disk.")
@JSON
def status(rev: str | None, as_json: bool) -> None:
    """Show commit, data, parameters and model of a revision, and whether dvc.lock is up to date."""
    from lastro.operations.lineage import lineage

    found = lineage.read(find_root(), rev)
    lock = "outdated" if found.outdated else "up to date"
    if as_json:
        print_json({**asdict(found), "lock": lock})
        return
    commit = found.commit[:12] if found.commit else "none yet"
    dirty = " (dirty: tracked files differ from it)" if found.dirty else ""
    click.echo(f"commit       {commit}{dirty}")
    for name in ("model", "data", "params", "predictions"):
        click.echo(f"{name:<12} {getattr(found, name) or 'none'}")
    click.echo(f"lock         {lock}")
    for reason in found.outdated:
        click.echo(f"  {reason.stage}: {reason.what}")
    if found.outdated:
        where = f"on a branch from {rev}: " if rev else ""
        fixes = ", ".join(dict.fromkeys(reason.fix for reason in found.outdated))
        click.echo(f"fix          {where}{fixes}, then commit dvc.lock")
    if found.unverified:
        click.echo("unverified   cannot be compared from here")
    for reason in found.unverified:
        click.echo(f"  {reason.stage}: {reason.what}")


@cli.command("merge")
@click.argument("rev", metavar="REV")
def merge(rev: str) -> None:
    """Merge REV (origin/main) into the branch that is checked out, and commit; run `dvc repro` after it.

    A conflict in dvc.lock is passed over, since the pipeline writes that file. Where another file conflicts, nothing is
    changed.
    """
    commit, conflicting = git.merge(find_root(), rev)
    click.echo(f"merged: {rev} at {commit[:12]}")
    if conflicting:
        click.echo("next: dvc repro, git commit -m dvc.lock dvc.lock")
    job.output(base=commit)


@cli.command("sync")
def sync() -> None:
    """Rebuild the MLflow run of the model in this checkout from the pipeline's outputs.

    For outputs restored from DVC's cache, trained offline, or tracked on a server that was lost. Does nothing where the
    run is there and complete.
    """
    from lastro.operations.tracking import record, runs, store

    paths = Paths.of(find_root())
    model = record.file_digest(paths.model)
    tracked = store.open_store(paths.root)
    try:
        before = runs.find_run(tracked, model)
        had = dict(before.data.tags) if before else {}
        where = record.record(tracked, paths, "evaluate")
        after = runs.find_run(tracked, model).data.tags
    except LastroError:
        raise
    except Exception as error:
        raise ExternalError(
            f"the run could not be recorded: {store.describe(error)}", fix="run lastro sync again"
        ) from None
    complete = all(had.get(tag) == after.get(tag) for tag in (runs.TRIAL, runs.TRAINED, runs.EVALUATED))
    click.echo(f"{'complete already' if complete else 'recorded'}: {where}")


@cli.command("reproduce")
@click.argument("what", metavar="[WHAT]", default="HEAD")
@JSON
def reproduce(what: str, as_json: bool) -> None:
    """Run the pipeline of WHAT's commit again, without cache, and compare the bytes of every output with its dvc.lock.

    WHAT is what `lastro trace` takes; without it HEAD. The working copy is not touched and nothing is tracked. Exit code 1
    where a byte differs.
    """
    from lastro.operations.lineage.pipeline import reproduce

    root = find_root()
    # As Ctrl-C does: the temporary working copy is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    commit = _commit(root, what)
    click.echo(f"reproducing {commit[:12]}", err=True)
    done = reproduce(root, commit)
    first = done.first_difference
    if as_json:
        print_json(done.to_json())
        sys.exit(0 if first is None else 1)
    for output in done.outputs:
        state = "same" if output.same else f"differs: recorded {output.recorded}, made {output.made}"
        click.echo(f"{output.stage:<9}{output.path:<28} {state}")
    if first is not None:
        where = f"the stage {first.stage} is the first to differ ({first.path})"
        click.echo(f"not reproduced: {where}; {_why(root)}")
        sys.exit(1)
    click.echo(
        f"reproduced: model {done.lineage.model} of {commit[:12]}, and all other outputs, byte by byte"
    )


def _commit(root: Path, what: str) -> str:
    """Find the commit; the tracking store is asked only where Git does not know."""
    if what == "HEAD" or re.fullmatch(r"[0-9a-f]{40}", what):
        return git.resolve(root, what)
    if git.has_tag(root, what):
        return git.resolve(root, f"refs/tags/{what}")
    from lastro.operations.release.trace import find_commit, find_start

    with opened_registry() as (registry, _):
        return find_commit(registry, root, find_start(registry, root, what))


def _why(root: Path) -> str:
    from lastro.operations.lineage.doctor import different_packages

    found = different_packages(root / "requirements" / "runtime.lock")
    if found:
        return f"installed packages differ from requirements/runtime.lock ({', '.join(map(str, found[:3]))}): make setup"
    return "the packages are those of the lock: the data, the code or the processor made the difference"


@cli.command("doctor")
@click.option(
    "--ci",
    is_flag=True,
    help="For a job: without MLFLOW_TRACKING_URI say what to set, and exit 0; tracking=server or none goes to GITHUB_OUTPUT.",
)
@JSON
def doctor(ci: bool, as_json: bool) -> None:
    """Check the tracking server, the DVC remote, Git, Docker, Python, packages and, in a job, what GitHub gave it.

    Each line is ok, warning or failed, with the fix. A file is written to the tracking store and to the DVC remote, read
    back and deleted. Exit code 3 where something failed.
    """
    from itertools import chain

    from lastro.operations.lineage import doctor as machine
    from lastro.operations.registry import doctor as store

    root = find_root()
    # A variable that GitHub does not know arrives as an empty one.
    server = bool(os.environ.get("MLFLOW_TRACKING_URI", "").strip())
    tracked = store.examine(root) if server or not ci else ()
    checks = []
    # Each is shown as soon as it is answered.
    for check in chain(machine.examine(root, ci), tracked, job.examine()):
        checks.append(check)
        if not as_json:
            click.echo(str(check))
    tracking = "server" if server else "none" if ci else "embedded"
    if ci:
        job.output(tracking=tracking)
    if as_json:
        print_json({"tracking": tracking, "checks": [asdict(check) for check in checks]})
    elif ci and not server:
        annotation = "::notice title=No tracking server::" if job.in_actions() else ""
        click.echo(f"{annotation}{job.no_server()}")
        job.summary(f"### No tracking server\n\n{job.no_server()}")
    sys.exit(3 if any(check.state == "failed" for check in checks) else 0)
