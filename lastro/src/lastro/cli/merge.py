"""`lastro merge`: another branch into this one, dvc.lock being left to the pipeline."""

from __future__ import annotations

import click


@click.command("merge")
@click.argument("rev", metavar="REV")
def command(rev: str) -> None:
    """Merge REV (origin/main) into the branch that is checked out, and commit; run `dvc repro` after it.

    A conflict in dvc.lock is passed over, since the pipeline writes that file. Where another file conflicts, nothing is
    changed.
    """
    from lastro.core.paths import find_root
    from lastro.operations.github import job
    from lastro.operations.lineage.git import merge

    commit, conflicting = merge(find_root(), rev)
    click.echo(f"merged: {rev} at {commit[:12]}")
    if conflicting:
        click.echo("next: dvc repro, git commit -m dvc.lock dvc.lock")
    job.output(base=commit)
