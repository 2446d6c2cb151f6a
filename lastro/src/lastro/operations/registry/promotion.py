"""Move an alias to a verified version, and production back; interrupted at any step, it is completed by running it again."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from lastro.core.errors import LastroError
from lastro.operations.registry import artifact, history, names
from lastro.operations.registry.client import Registry, Snapshot, Version
from lastro.operations.registry.history import Entry
from lastro.operations.registry.register import refuse_retired
from lastro.operations.tracking.store import ignored


def find_done(snapshot: Snapshot, alias: str, release: str, number: int, image: str | None) -> Entry | None:
    """Return the entry that brought the alias to this release, version and image; None if it is elsewhere."""
    last = history.current(history.read_entries(snapshot), alias)
    if last and (last.release, last.version, snapshot.aliases.get(alias)) == (release, number, number):
        return last if image in (None, last.image) else None
    return None


def verify(registry: Registry, version: Version) -> None:
    """Raise LastroError if the version was retired or its artifact has another digest."""
    refuse_retired(version)
    with tempfile.TemporaryDirectory() as folder:
        artifact.fetch(registry.run_of(version), version.tags[names.MODEL], Path(folder))


def move_alias(registry: Registry, wanted: Entry, seen: int, take_over: bool = False) -> Entry:
    """Record the move in the history, then move the alias; return the entry. See `history.begin` for `seen`.

    Raises LastroError: another promotion is under way, or the version was retired or deleted meanwhile.
    """
    entry = history.begin(registry, wanted, seen, take_over)
    version = registry.get(entry.version)
    if version is None:
        fix = f"lastro register --rev {entry.release}"
        raise LastroError("was deleted", where=f"version {entry.version}", fix=fix)
    refuse_retired(version)
    registry.set_version_tags(
        version, {names.RELEASE: entry.release} | ({names.IMAGE: entry.image} if entry.image else {})
    )
    snapshot = registry.snapshot()
    if entry.alias == names.PRODUCTION:
        _set_previous(registry, snapshot, entry)
    if snapshot.aliases.get(entry.alias) != entry.version:
        registry.set_alias(entry.alias, entry.version)
    # `retire` may have looked before the alias was here.
    now = registry.get(entry.version)
    if now is not None and now.retired is not None:
        if registry.snapshot().aliases.get(entry.alias) == entry.version:
            registry.delete_alias(entry.alias)
        refuse_retired(now)
    return entry


def _set_previous(registry: Registry, snapshot: Snapshot, entry: Entry) -> None:
    at = snapshot.aliases.get(names.PREVIOUS)
    if entry.action == "promote":
        # The same version under another release, or with an image: what came before it stays.
        target = entry.from_version if entry.from_version != entry.version else at
    else:
        before = _release_before(history.read_entries(snapshot), entry.release)
        target = before.version if before else None
    if target is None or registry.get(target) is None:
        if at is not None and entry.action == "rollback":
            # Deleting an alias needs more than EDIT; production must not wait for what is only a hint.
            with ignored("PERMISSION_DENIED"):
                registry.delete_alias(names.PREVIOUS)
    elif at != target:
        registry.set_alias(names.PREVIOUS, target)


def _release_before(entries: list[Entry], release: str) -> Entry | None:
    """Return the promotion of what was in production when `release` first came there; None if nothing was."""
    done = history.promotions(entries, names.PRODUCTION)
    # A rollback comes from the release that it leaves, which is not the one before.
    came = [e for e in done if e.release == release and e.action == "promote" and e.from_release != release]
    if not came:
        return None
    if came[0].from_release:
        return history.last_of(entries, came[0].from_release, names.PRODUCTION)
    # Nothing was there at that moment, because what was had been retired: it is the one before, to be passed over.
    earlier = [e for e in done if e.number < came[0].number and e.release != release]
    return history.last_of(entries, earlier[-1].release, names.PRODUCTION) if earlier else None


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
            fix = f"releases that were: {known or 'none'}"
            raise LastroError("never was in production", where=to, fix=fix)
        version = _version_of(registry, target)
    elif now is None:
        fix = "lastro promote a release first"
        raise LastroError("nothing was ever in production", where=registry.name, fix=fix)
    else:
        # An interrupted rollback is completed, not followed by another one.
        interrupted = now.action == "rollback" and snapshot.aliases.get(names.PRODUCTION) != now.version
        repeated = now.action == "rollback" and now.why == again
        target, version = (now if interrupted or repeated else _release_before(entries, now.release)), None
        while target and not version:
            try:
                version = _version_of(registry, target)
            except LastroError as error:
                skipped.append(f"{target.release}: {error}")
                target = _release_before(entries, target.release)
        if not target:
            passed = f" (passed over: {'; '.join(skipped)})" if skipped else ""
            problem = f"no release was in production before it{passed}"
            raise LastroError(problem, where=now.release, fix="promote another one")
    target = replace(target, version=version.number)
    done = find_done(snapshot, names.PRODUCTION, target.release, version.number, target.image)
    if source is not None and now is not None and source != now.release:
        # The release that this very rollback left, if it was begun or done before.
        left = now.from_release if now.action == "rollback" and now.release == target.release else None
        if source != left:
            problem = f"is {now.release} by now, and no longer {source}, which this was planned from"
            raise LastroError(problem, where="production", fix="plan it again")
    return Rollback(now, target, version, tuple(skipped), done is not None, history.newest(entries))


def roll_back(registry: Registry, plan: Rollback, who: str, reason: str, take_over: bool = False) -> Entry:
    """Carry out the plan; the alias moves last.

    Raises LastroError: the artifact is not the model any more, or another promotion is under way.
    """
    verify(registry, plan.version)
    wanted = replace(
        plan.target, action="rollback", from_release=None, from_version=None, who=who, why=reason
    )
    return move_alias(registry, wanted, plan.seen, take_over)


def _version_of(registry: Registry, entry: Entry) -> Version:
    """Return the version of a promotion; the new one if it was deleted and registered again."""
    found = registry.find(entry.model)
    if not found:
        fix = f"lastro register --rev {entry.release} brings it back"
        raise LastroError(f"version {entry.version} was deleted", fix=fix)
    version = next((v for v in found if v.number == entry.version), found[0])
    if version.retired is not None:
        raise LastroError(f"version {version.number} was retired ({version.retired})")
    return version
