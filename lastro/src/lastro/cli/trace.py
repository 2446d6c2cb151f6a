"""`lastro trace`: the chain behind a model."""

from __future__ import annotations

import sys

import click

from lastro.cli.common import JSON, opened_registry, print_json


@click.command("trace")
@click.argument("what", metavar="[WHAT]", default="HEAD")
@JSON
def command(what: str, as_json: bool) -> None:
    """Show the chain that WHAT belongs to: commit, data, parameters, run, metrics, verdict, version, release, image.

    WHAT is a version number, an alias, a release tag, a run id, a branch or commit (without it HEAD), a model file, or an
    image. Exit code 1 where the chain is broken.
    """
    from lastro.operations.release.trace import follow
    from lastro.operations.release.trace_find import find_start

    with opened_registry() as (registry, root):
        chain = follow(registry, root, find_start(registry, root, what))
    if as_json:
        print_json(chain.to_json())
    else:
        click.echo(chain.to_text())
    sys.exit(1 if chain.broken else 0)
