"""`lastro promote`: what the plan allows, made true."""

from __future__ import annotations

import re
from pathlib import Path

from lastro.core.errors import LastroError
from lastro.operations.registry import history, names, promotion
from lastro.operations.registry.client import Registry
from lastro.operations.registry.history import Entry
from lastro.operations.release.plan import make_plan, resolve
from lastro.operations.release.tags import ReleaseTag


def promote(
    registry: Registry,
    root: Path,
    tag: ReleaseTag,
    image: str | None = None,
    who: str = "",
    why: str = "",
    branch: str | None = None,
    without_rival: str | None = None,
    take_over: bool = False,
) -> promotion.Moved:
    """Move the tag's alias to its version, after everything that the plan checks has been checked again.

    Raises:
        VerdictError: the plan says no.
        LastroError: see `make_plan`; the release was rolled back; another promotion is under way.
    """
    _, version = resolve(registry, root, tag)
    snapshot = registry.snapshot()
    standing = promotion.standing(snapshot, tag.alias, str(tag), version.number, image)
    if standing:
        promotion.verify(registry, version)
        return promotion.Moved(standing, True)
    entries = history.read_entries(snapshot)
    _refuse_rolled_back(entries, tag)
    plan = make_plan(registry, root, tag, branch, without_rival)
    plan.refuse_failed()
    why = "; ".join(filter(None, [why, without_rival and f"without comparison: {without_rival}"]))
    wanted = promotion.wish(
        "promote", tag.alias, str(tag), plan.version, image, who, why, plan.lineage.commit
    )
    return promotion.Moved(promotion.carry_out(registry, wanted, history.newest(entries), take_over), False)


def _refuse_rolled_back(entries: list[Entry], tag: ReleaseTag) -> None:
    """A promotion that is repeated late must not undo a rollback."""
    now = history.current(entries, tag.alias)
    if (
        now
        and now.release != str(tag)
        and any(e.release == str(tag) for e in history.promotions(entries, tag.alias))
    ):
        fix = f"lastro rollback --to {tag}" if tag.alias == names.PRODUCTION else "tag the next candidate"
        raise LastroError(
            f"was in {tag.alias} before {now.release} came", where=tag, fix=f"to return to it: {fix}"
        )


def is_image(text: str) -> bool:
    """Whether the text is the digest of an image."""
    return re.fullmatch(r"sha256:[0-9a-f]{64}", text) is not None
