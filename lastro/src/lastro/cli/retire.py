"""`lastro retire`: a version out of use for good."""

from __future__ import annotations

import click

from lastro.cli.reason import given_reason


@click.command("retire")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--reason", required=True, callback=given_reason, help="Why; kept with the version.")
@click.option("--even-in-production", is_flag=True, help="Also where this leaves production empty.")
def command(version: int, reason: str, even_in_production: bool) -> None:
    """Take VERSION out of every alias, and mark it so that it cannot be promoted again. It is not deleted."""
    from lastro.core.paths import find_root
    from lastro.operations.registry.client import one_line, open_registry
    from lastro.operations.registry.retire import retire

    with one_line():
        registry = open_registry(find_root())
        before = registry.get(version)
        aliases = retire(registry, version, reason, even_in_production)
    out_of = f", out of {', '.join(aliases)}" if aliases else ""
    if before is not None and before.retired is not None:
        click.echo(f"retired already ({before.retired}): {registry.name} version {version}{out_of}")
    else:
        click.echo(f"retired: {registry.name} version {version}{out_of}")
