"""From what a person calls a version to the version."""

from __future__ import annotations

import re
from pathlib import Path

from lastro.core.errors import LastroError
from lastro.operations.lineage import lineage, repository
from lastro.operations.registry import history
from lastro.operations.registry.client import Registry, Version


def find_version(registry: Registry, root: Path, named: str) -> Version:
    """The version that a number, an alias or a release tag stands for.

    Raises:
        LastroError: there is none, or more than one.
    """
    if re.fullmatch(r"[0-9]+", named):
        version = registry.get(int(named))
        if version is None:
            raise LastroError(
                f"{registry.name} has no such version", where=named, fix="lastro versions lists them"
            )
        return version
    snapshot = registry.snapshot()
    if named in snapshot.aliases:
        version = registry.get(snapshot.aliases[named])
        if version is not None:
            return version
    if repository.has_tag(root, named):
        return only_version(registry, lineage.read(root, f"refs/tags/{named}").model, named)
    for entry in reversed(history.promotions(history.read_entries(snapshot))):
        # The tag may have gone from Git, or never have been fetched into this clone.
        if entry.release == named:
            return only_version(registry, entry.model, named)
    aliases = ", ".join(sorted(snapshot.aliases)) or "none yet"
    raise LastroError(
        f"is no version number, no alias ({aliases}) and no Git tag of this clone",
        where=named,
        fix="git fetch --tags, or lastro versions",
    )


def only_version(registry: Registry, model: str, rev: str) -> Version:
    """The one version of the model with this digest.

    Raises:
        LastroError: there is none, or more than one.
    """
    found = registry.find(model)
    if not found:
        raise LastroError(
            f"its model {model} is not registered", where=rev, fix=f"run lastro register --rev {rev}"
        )
    if len(found) > 1:
        numbers = ", ".join(str(version.number) for version in found)
        raise LastroError(
            f"its model {model} is registered as versions {numbers}, expected one",
            where=rev,
            fix=f"lastro register --rev {rev} deletes those that nothing points at",
        )
    return found[0]
