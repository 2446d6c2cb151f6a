"""Promote a release tag that its plan allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lastro.core.errors import LastroError
from lastro.operations.registry import history, names, promotion
from lastro.operations.registry.client import Registry
from lastro.operations.registry.history import Entry
from lastro.operations.release.plan import make_plan, resolve
from lastro.operations.release.tags import ReleaseTag


@dataclass(frozen=True)
class Promoted:
    """The entry of a promotion; `already`: it was done before."""

    entry: Entry
    already: bool


def promote(
    registry: Registry,
    root: Path,
    tag: ReleaseTag,
    image: str | None = None,
    who: str = "",
    why: str = "",
    branch: str | None = None,
    without_champion: str | None = None,
    take_over: bool = False,
) -> Promoted:
    """Move the tag's alias to its version, after the whole plan has been checked again.

    Raises:
        VerdictError: the plan says no.
        LastroError: see `make_plan`; the release was rolled back; another promotion is under way.
    """
    _, version = resolve(registry, root, tag)
    snapshot = registry.snapshot()
    done = promotion.find_done(snapshot, tag.alias, str(tag), version.number, image)
    if done:
        promotion.verify(registry, version)
        return Promoted(done, already=True)
    entries = history.read_entries(snapshot)
    _refuse_rolled_back(entries, tag)
    plan = make_plan(registry, root, tag, branch, without_champion)
    plan.refuse_failed()
    why = "; ".join(filter(None, [why, without_champion and f"without comparison: {without_champion}"]))
    wanted = Entry(
        action="promote",
        alias=tag.alias,
        release=str(tag),
        version=plan.version.number,
        model=plan.version.tags.get(names.MODEL, ""),
        commit=plan.lineage.commit,
        image=image,
        who=who,
        why=why,
    )
    return Promoted(promotion.move_alias(registry, wanted, history.newest(entries), take_over), already=False)


def _refuse_rolled_back(entries: list[Entry], tag: ReleaseTag) -> None:
    """Refuse a promotion that is retried late and would undo a rollback."""
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
    """Return whether the text is the digest of an image."""
    return re.fullmatch(r"sha256:[0-9a-f]{64}", text) is not None
