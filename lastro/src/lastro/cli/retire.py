"""`lastro retire`: a version out of use for good."""

from __future__ import annotations

import click

from lastro.cli import common


@click.command("retire")
@click.argument("version", type=click.IntRange(min=1))
@common.reason("--reason", required=True, help="Why; kept with the version.")
@click.option("--even-in-production", is_flag=True, help="Also where this leaves production empty.")
def command(version: int, reason: str, even_in_production: bool) -> None:
    """Take VERSION out of every alias, and mark it so that it cannot be promoted again. It is not deleted."""
    from lastro.operations.registry.versions import retire

    with common.opened_registry() as (registry, _):
        before = registry.get(version)
        aliases = retire(registry, version, reason, even_in_production)
    out_of = f", out of {', '.join(aliases)}" if aliases else ""
    already = f" already ({before.retired})" if before is not None and before.retired is not None else ""
    click.echo(f"retired{already}: {registry.name} version {version}{out_of}")
