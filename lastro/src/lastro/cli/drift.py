"""`lastro drift`: the model in production against the newest data."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("drift")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write it as data, too."
)
@click.option("--summary", is_flag=True, help="Write it to the summary of the job, too.")
def command(json_file: Path | None, summary: bool) -> None:
    """Score the model in production on the rows that the source has gained, and compare with its training and its release.

    Exit 0 whatever is found; `drifted=true` or `false` goes to GITHUB_OUTPUT. The limits are params.yaml's: drift.
    """
    from lastro.core.paths import find_root
    from lastro.operations.github import job
    from lastro.operations.registry.client import one_line, open_registry
    from lastro.operations.report.drift import watch
    from lastro.operations.report.drift_text import render

    root = find_root()
    with one_line():
        found = watch(open_registry(root), root)
    if json_file:
        json_file.write_text(found.model_dump_json(indent=1), encoding="utf-8")
    text = render(found)
    if summary:
        job.summary(text)
    job.output(drifted="true" if found.drifted else "false")
    click.echo(text)
