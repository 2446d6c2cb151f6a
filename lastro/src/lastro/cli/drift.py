"""`lastro drift`: the model in production against the newest data."""

from __future__ import annotations

from pathlib import Path

import click

from lastro.cli.common import JSON_FILE, SUMMARY, opened_registry, write_findings


@click.command("drift")
@JSON_FILE
@SUMMARY
def command(json_file: Path | None, summary: bool) -> None:
    """Score the model in production on the rows that the source has gained, and compare with its training and its release.

    Exit 0 whatever is found; `drifted=true` or `false` goes to GITHUB_OUTPUT. The limits are params.yaml's: drift.
    """
    from lastro.operations.github import job
    from lastro.operations.report.drift import watch
    from lastro.operations.report.drift_findings import render

    with opened_registry() as (registry, root):
        found = watch(registry, root)
    text = render(found)
    write_findings(found, text, json_file, summary)
    job.output(drifted="true" if found.drifted else "false")
    click.echo(text)
