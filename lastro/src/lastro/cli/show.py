"""`lastro show`: one version."""

from __future__ import annotations

import click


@click.command("show")
@click.argument("version", metavar="VERSION|ALIAS|TAG")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(version: str, as_json: bool) -> None:
    """Show what stands behind a version, an alias or a release tag."""
    import json

    from lastro.core.paths import find_root
    from lastro.operations.registry import lookup
    from lastro.operations.registry.client import one_line, open_registry
    from lastro.operations.registry.summary import to_json

    root = find_root()
    with one_line():
        registry = open_registry(root)
        found = lookup.find_version(registry, root, version)
        content = {"name": registry.name, **to_json(found, registry.snapshot())}
        address = registry.store.address(found.run_id, found.run_id)
    if as_json:
        click.echo(json.dumps({**content, "card": found.description}, indent=2, ensure_ascii=False))
        return
    rows = {**content, "aliases": " ".join(content["aliases"]), "run": address}
    for name, value in rows.items():
        if value not in (None, ""):
            click.echo(f"{name.replace('_', ' '):<13} {value}")
    if found.description:
        click.echo(f"\n{found.description.strip()}")
