"""`lastro repro`: the pipeline as the workflows run it."""

from __future__ import annotations

import click


@click.command("repro")
@click.option(
    "--locked",
    is_flag=True,
    envvar="LASTRO_LOCKED",
    help="Refuse an outdated dvc.lock, and other outputs than it records.",
)
def command(locked: bool) -> None:
    """Run `dvc repro --pull`: restore what DVC's storage has, run the rest, and note for `lastro report` what was run."""
    from lastro.core.paths import find_root
    from lastro.operations.github import job
    from lastro.operations.lineage.run_pipeline import run_pipeline

    ran = run_pipeline(find_root(), locked)
    click.echo(
        f"ran: {', '.join(ran)}" if ran else "nothing had to be run: all of it was there or in DVC's storage"
    )
    job.output(ran=",".join(ran))
