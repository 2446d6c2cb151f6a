"""A version in the words of the commands `versions` and `show`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lastro.operations.registry import names
from lastro.operations.registry.client import Snapshot, Version

SHOWN = 20
"""Versions that are listed unless all are asked for."""


def to_json(version: Version, snapshot: Snapshot) -> dict[str, Any]:
    """JSON-ready; None where a tag is not set."""
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


def as_row(version: Version, snapshot: Snapshot) -> list[str]:
    """The cells of a table: version, aliases, release, verdict, model, commit, created, retired."""
    content = to_json(version, snapshot)
    return [
        str(version.number),
        " ".join(content["aliases"]),
        content["release"] or "",
        content["verdict"] or "",
        (content["model"] or "")[:12],
        (content["commit"] or "")[:12],
        content["created"].removesuffix("+00:00").replace("T", " "),
        content["retired"] or "",
    ]
