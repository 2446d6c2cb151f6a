"""Taking a version out of use for good, without deleting it."""

from __future__ import annotations

from lastro.core.errors import LastroError
from lastro.operations.registry import names
from lastro.operations.registry.client import Registry


def retire(registry: Registry, number: int, reason: str, even_in_production: bool = False) -> list[str]:
    """Mark the version, then take it out of every alias. Done again, it completes what was interrupted.

    Returns:
        The aliases that it was taken out of.

    Raises:
        LastroError: there is no such version, or it is in production and `even_in_production` is not set.
    """
    version = registry.get(number)
    if version is None:
        raise LastroError(
            f"{registry.name} has no such version", where=number, fix="lastro versions lists them"
        )
    aliases = registry.snapshot().aliases_of(number)
    if names.PRODUCTION in aliases and not even_in_production:
        raise LastroError(
            "is in production",
            where=f"version {number}",
            fix="lastro rollback first, or leave production empty with --even-in-production",
        )
    # First the mark: from then on nothing can promote it.
    if version.retired is None:
        registry.set_version_tags(version, {names.RETIRED: reason})
    # Asked again: one may have come or gone meanwhile.
    out_of = []
    for alias in registry.snapshot().aliases_of(number):
        if registry.snapshot().aliases.get(alias) == number:
            registry.delete_alias(alias)
            out_of.append(alias)
    return out_of
