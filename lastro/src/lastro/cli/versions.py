"""`lastro versions`: what is registered."""

from __future__ import annotations

import click


@click.command("versions")
@click.option("--all", "everything", is_flag=True, help="All of them, instead of the newest 20.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(everything: bool, as_json: bool) -> None:
    """Show the registered versions, newest first, with their aliases."""
    import json

    from lastro.core.paths import find_root
    from lastro.operations.registry.client import one_line, open_registry
    from lastro.operations.registry.summary import SHOWN, as_row, to_json

    with one_line():
        registry = open_registry(find_root())
        snapshot = registry.snapshot()
        # One more than is shown, to know whether there are more.
        found = registry.versions(None if everything else SHOWN + 1)
    shown = found if everything else found[:SHOWN]
    if as_json:
        click.echo(
            json.dumps([to_json(version, snapshot) for version in shown], indent=2, ensure_ascii=False)
        )
        return
    if not shown:
        click.echo("nothing is registered yet; lastro register")
        return
    from tabulate import tabulate

    headers = ["version", "aliases", "release", "verdict", "model", "commit", "created (UTC)", "retired"]
    rows = [as_row(version, snapshot) for version in shown]
    click.echo(tabulate(rows, headers, disable_numparse=True))
    if len(found) > len(shown):
        click.echo("older ones: --all")
