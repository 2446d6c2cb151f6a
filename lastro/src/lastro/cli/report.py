"""`lastro report`: what a change does to the model."""

from __future__ import annotations

from pathlib import Path

import click

from lastro.cli.common import JSON_FILE, SUMMARY, write_findings


@click.command("report")
@click.option(
    "--base", metavar="REV", help="Compare with the model at the merge base with REV (origin/main)."
)
@JSON_FILE
@SUMMARY
def command(base: str | None, json_file: Path | None, summary: bool) -> None:
    """Report on the model of the working tree, as Markdown: params, metrics, verdict, charts.

    Compares it with the base revision's model, and with the one in production where MLFLOW_TRACKING_URI is set or the
    clone's own store has one. It says what is missing; that is no error. Exit 0 whatever the verdict: `lastro check` obeys it.
    """
    import os

    from lastro.core.errors import LastroError
    from lastro.core.paths import find_root
    from lastro.operations.github import job
    from lastro.operations.lineage import git
    from lastro.operations.report.build import build
    from lastro.operations.report.content import Failure
    from lastro.operations.report.pull_request import render, render_failure

    root = find_root()
    # A job's embedded store is new and empty: asking it would only take time.
    production = bool(os.environ.get("MLFLOW_TRACKING_URI")) or (root / "mlflow.db").is_file()
    try:
        report = build(root, base and git.merge_base(root, base), production, base)
    except LastroError as error:
        failure = Failure(error=str(error)[:2000])
        write_findings(failure, render_failure(failure), json_file, summary)
        raise
    text = render(report)
    write_findings(report, text, json_file, summary)
    job.output(lock=report.lock)
    click.echo(text)
