"""Roll production back to an earlier release in its history."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lastro.core.errors import LastroError
from lastro.operations.registry import history, names, promotion
from lastro.operations.registry.client import Registry, Version
from lastro.operations.registry.history import Entry


@dataclass(frozen=True)
class Rollback:
    """What a rollback would do.

    Attributes:
        now: the current promotion to production; None if there was none.
        target: the entry to return to; `version` is what its model is registered as now.
        skipped: releases that cannot be returned to, each with the reason.
        already: production is at the target.
        seen: number of the newest promotion that the plan knows of.
    """

    now: Entry | None
    target: Entry
    version: Version
    skipped: tuple[str, ...]
    already: bool
    seen: int


def plan_rollback(
    registry: Registry, to: str | None = None, source: str | None = None, again: str | None = None
) -> Rollback:
    """Plan the return to the release `to`, or to the one before the present one.

    Args:
        source: the release in production when somebody decided this.
        again: the reason of a rollback that is being retried; a rollback for that reason is this one.

    Raises:
        LastroError: `to` never was in production, there is nothing before, the version was retired or deleted, or another
            release than `source` is in production.
    """
    snapshot = registry.snapshot()
    entries = history.read_entries(snapshot)
    now = history.current(entries, names.PRODUCTION)
    skipped: list[str] = []
    if to is not None:
        target = history.last_of(entries, to, names.PRODUCTION)
        if target is None:
            known = ", ".join(dict.fromkeys(e.release for e in history.promotions(entries, names.PRODUCTION)))
            raise LastroError(
                "never was in production", where=to, fix=f"releases that were: {known or 'none'}"
            )
        version = _version_of(registry, target)
    else:
        if now is None:
            raise LastroError(
                "nothing was ever in production", where=registry.name, fix="lastro promote a release first"
            )
        # An interrupted rollback is completed, not followed by another one.
        interrupted = now.action == "rollback" and snapshot.aliases.get(names.PRODUCTION) != now.version
        repeated = now.action == "rollback" and now.why == again
        target = now if interrupted or repeated else promotion.release_before(entries, now.release)
        while True:
            if target is None:
                passed = f" (passed over: {'; '.join(skipped)})" if skipped else ""
                raise LastroError(
                    f"no release was in production before it{passed}",
                    where=now.release,
                    fix="promote another one",
                )
            try:
                version = _version_of(registry, target)
                break
            except LastroError as error:
                skipped.append(f"{target.release}: {error}")
                target = promotion.release_before(entries, target.release)
    target = replace(target, version=version.number)
    done = promotion.find_done(snapshot, names.PRODUCTION, target.release, version.number, target.image)
    if source is not None and now is not None and source not in (now.release, _left(now, target)):
        raise LastroError(
            f"is {now.release} by now, and no longer {source}, which this was planned from",
            where="production",
            fix="plan it again",
        )
    return Rollback(now, target, version, tuple(skipped), done is not None, history.newest(entries))


def roll_back(registry: Registry, plan: Rollback, who: str, reason: str, take_over: bool = False) -> Entry:
    """Carry out the plan; the alias moves last.

    Raises:
        LastroError: the artifact is not the model any more, or another promotion is under way.
    """
    promotion.verify(registry, plan.version)
    wanted = replace(
        plan.target, action="rollback", from_release=None, from_version=None, who=who, why=reason
    )
    return promotion.move_alias(registry, wanted, plan.seen, take_over)


def _left(now: Entry, target: Entry) -> str | None:
    """Return the release that this very rollback left, if it was begun or done before."""
    return now.from_release if now.action == "rollback" and now.release == target.release else None


def _version_of(registry: Registry, entry: Entry) -> Version:
    """Return the version of a promotion; the new one if it was deleted and registered again."""
    found = registry.find(entry.model)
    if not found:
        raise LastroError(
            f"version {entry.version} was deleted",
            fix=f"lastro register --rev {entry.release} brings it back",
        )
    version = next((v for v in found if v.number == entry.version), found[0])
    if version.retired is not None:
        raise LastroError(f"version {version.number} was retired ({version.retired})")
    return version
