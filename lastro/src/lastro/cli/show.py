"""`lastro show`: one version."""

from __future__ import annotations

import click

from lastro.cli.common import JSON, opened_registry, print_json


@click.command("show")
@click.argument("version", metavar="VERSION|ALIAS|TAG")
@JSON
def command(version: str, as_json: bool) -> None:
    """Show what stands behind a version, an alias or a release tag."""
    from lastro.operations.registry.versions import find_version, to_json

    with opened_registry() as (registry, root):
        found = find_version(registry, root, version)
        content = {"name": registry.name, **to_json(found, registry.snapshot())}
        address = registry.store.address(found.run_id, found.run_id)
    if as_json:
        print_json({**content, "card": found.description})
        return
    rows = {**content, "aliases": " ".join(content["aliases"]), "run": address}
    for name, value in rows.items():
        if value not in (None, ""):
            click.echo(f"{name.replace('_', ' '):<13} {value}")
    if found.description:
        click.echo(f"\n{found.description.strip()}")
