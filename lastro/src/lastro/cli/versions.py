"""`lastro versions`: what is registered."""

from __future__ import annotations

import click

from lastro.cli.common import JSON, opened_registry, print_json, print_table


@click.command("versions")
@click.option("--all", "everything", is_flag=True, help="All of them, instead of the newest 20.")
@JSON
def command(everything: bool, as_json: bool) -> None:
    """Show the registered versions, newest first, with their aliases."""
    from lastro.operations.registry.versions import SHOWN, to_json, to_row

    with opened_registry() as (registry, _):
        snapshot = registry.snapshot()
        # One more than is shown, to know whether there are more.
        found = registry.versions(None if everything else SHOWN + 1)
    shown = found if everything else found[:SHOWN]
    if as_json:
        print_json([to_json(version, snapshot) for version in shown])
        return
    if not shown:
        click.echo("nothing is registered yet; lastro register")
        return
    headers = ["version", "aliases", "release", "verdict", "model", "commit", "created (UTC)", "retired"]
    print_table([to_row(version, snapshot) for version in shown], headers)
    if len(found) > len(shown):
        click.echo("older ones: --all")
