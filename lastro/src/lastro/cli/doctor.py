"""`lastro doctor`: what does not work, and how to fix it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lastro.cli.common import JSON, print_json

if TYPE_CHECKING:
    from lastro.core.check import Check


@click.command("doctor")
@click.option(
    "--ci",
    is_flag=True,
    help="For a job: without MLFLOW_TRACKING_URI say what to set, and exit 0; tracking=server or none goes to GITHUB_OUTPUT.",
)
@JSON
def command(ci: bool, as_json: bool) -> None:
    """Check the tracking server, the DVC remote, Git, Docker, Python, packages and, in a job, what GitHub gave it.

    Each line is ok, warning or failed, with the fix. A file is written to the tracking store and to the DVC remote, read
    back and deleted. Exit code 3 where something failed.
    """
    from lastro.core.paths import find_root
    from lastro.operations.github import doctor as github
    from lastro.operations.github import job

    root = find_root()
    # A variable that GitHub does not know arrives as an empty one.
    server = bool(os.environ.get("MLFLOW_TRACKING_URI"))
    checks = []
    for check in examine(root, ci, tracking=server or not ci):
        checks.append(check)
        if not as_json:
            click.echo(str(check))
    tracking = "server" if server else "none" if ci else "embedded"
    if ci:
        job.output(tracking=tracking)
    if as_json:
        print_json({"tracking": tracking, "checks": [check.to_json() for check in checks]})
    elif ci and not server:
        annotation = "::notice title=No tracking server::" if job.in_actions() else ""
        click.echo(f"{annotation}{github.NO_SERVER}")
        job.summary(f"### No tracking server\n\n{github.NO_SERVER}")
    sys.exit(3 if any(check.state == "failed" for check in checks) else 0)


def examine(root: Path, ci: bool = False, tracking: bool = True) -> Iterator[Check]:
    """Yield every check as soon as it is answered. ci: this machine is thrown away afterwards."""
    from lastro.operations.github import doctor as github
    from lastro.operations.lineage import doctor as machine
    from lastro.operations.registry import doctor as store

    yield from machine.examine(root, ci)
    if tracking:
        yield from store.examine(root)
    yield from github.examine()
