"""Find, show and retire registered versions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lastro.core.errors import LastroError
from lastro.operations.lineage import git, lineage
from lastro.operations.registry import history, names
from lastro.operations.registry.client import Registry, Snapshot, Version

COLUMNS = ("version", "aliases", "release", "verdict", "model", "commit", "created", "retired")
SHOWN = 20
"""Versions that are listed unless all are asked for."""


def _get(registry: Registry, number: int) -> Version:
    version = registry.get(number)
    if version is None:
        fix = "lastro versions lists them"
        raise LastroError(f"{registry.name} has no such version", where=number, fix=fix)
    return version


def find_version(registry: Registry, root: Path, named: str) -> Version:
    """Return the version that a number, an alias or a release tag names; LastroError if not exactly one."""
    if re.fullmatch(r"[0-9]+", named):
        return _get(registry, int(named))
    snapshot = registry.snapshot()
    if named in snapshot.aliases:
        version = registry.get(snapshot.aliases[named])
        if version is not None:
            return version
    if git.has_tag(root, named):
        return only_version(registry, lineage.read(root, f"refs/tags/{named}").model, named)
    # The tag may have been deleted from Git, or never fetched into this clone.
    entry = history.last_of(history.read_entries(snapshot), named)
    if entry:
        return only_version(registry, entry.model, named)
    aliases = ", ".join(sorted(snapshot.aliases)) or "none yet"
    raise LastroError(
        f"is no version number, no alias ({aliases}) and no Git tag of this clone",
        where=named,
        fix="git fetch --tags, or lastro versions",
    )


def only_version(registry: Registry, model: str, rev: str) -> Version:
    """Return the one version of the model with this MD5; LastroError if there is none, or more than one."""
    found = registry.find(model)
    fix = f"lastro register --rev {rev}"
    if not found:
        raise LastroError(f"its model {model} is not registered", where=rev, fix=f"run {fix}")
    if len(found) > 1:
        numbers = ", ".join(str(version.number) for version in found)
        problem = f"its model {model} is registered as versions {numbers}, expected one"
        raise LastroError(problem, where=rev, fix=f"{fix} deletes those that nothing points at")
    return found[0]


def retire(registry: Registry, number: int, reason: str, even_in_production: bool = False) -> list[str]:
    """Mark the version as retired, then delete its aliases, and return those; a retry completes an interrupted one.

    Raises LastroError: there is no such version, or it is in production and `even_in_production` is not set.
    """
    version = _get(registry, number)
    aliases = registry.snapshot().aliases_of(number)
    if names.PRODUCTION in aliases and not even_in_production:
        fix = "lastro rollback first, or leave production empty with --even-in-production"
        raise LastroError("is in production", where=f"version {number}", fix=fix)
    # The mark first: from then on nothing can promote it.
    if version.retired is None:
        registry.set_version_tags(version, {names.RETIRED: reason})
    # Read again: an alias may have moved meanwhile.
    deleted = []
    for alias in registry.snapshot().aliases_of(number):
        if registry.snapshot().aliases.get(alias) == number:
            registry.delete_alias(alias)
            deleted.append(alias)
    return deleted


def to_json(version: Version, snapshot: Snapshot) -> dict[str, Any]:
    """Return the version for programs; None where a tag is not set."""
    tags = version.tags
    return {
        "version": version.number,
        "aliases": snapshot.aliases_of(version.number),
        "release": tags.get(names.RELEASE),
        "image": tags.get(names.IMAGE),
        "verdict": tags.get(names.VERDICT),
        "model": tags.get(names.MODEL),
        "data": tags.get(names.DATA),
        "params": tags.get(names.PARAMS),
        "commit": tags.get(names.COMMIT),
        "pull_request": tags.get(names.PULL_REQUEST),
        "run": version.run_id,
        "created": datetime.fromtimestamp(version.created / 1000, UTC).isoformat(timespec="seconds"),
        "retired": version.retired,
    }


def to_row(version: Version, snapshot: Snapshot) -> list[str]:
    cells = {name: value or "" for name, value in to_json(version, snapshot).items()}
    cells["aliases"] = " ".join(cells["aliases"])
    cells["created"] = cells["created"].removesuffix("+00:00").replace("T", " ")
    cells |= {name: cells[name][:12] for name in ("model", "commit")}
    return [str(cells[name]) for name in COLUMNS]
