"""Move an alias to a verified version; it can be interrupted at any step and run again."""

from __future__ import annotations

import tempfile
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

    Raises:
        LastroError: another promotion is under way, or the version was retired or deleted meanwhile.
    """
    entry = history.begin(registry, wanted, seen, take_over)
    version = registry.get(entry.version)
    if version is None:
        raise LastroError(
            "was deleted", where=f"version {entry.version}", fix=f"lastro register --rev {entry.release}"
        )
    refuse_retired(version)
    registry.set_version_tags(
        version, {names.RELEASE: entry.release} | ({names.IMAGE: entry.image} if entry.image else {})
    )
    snapshot = registry.snapshot()
    if entry.alias == names.PRODUCTION:
        _set_previous(registry, snapshot, entry)
    if snapshot.aliases.get(entry.alias) != entry.version:
        registry.set_alias(entry.alias, entry.version)
    _take_back_if_retired(registry, entry)
    return entry


def _take_back_if_retired(registry: Registry, entry: Entry) -> None:
    """Undo the move if the version was retired meanwhile: `retire` may have looked before the alias was here."""
    now = registry.get(entry.version)
    if now is not None and now.retired is not None:
        if registry.snapshot().aliases.get(entry.alias) == entry.version:
            registry.delete_alias(entry.alias)
        refuse_retired(now)


def _set_previous(registry: Registry, snapshot: Snapshot, entry: Entry) -> None:
    """Point `previous` at what the next rollback returns to."""
    if entry.action == "promote":
        # The same version under another release, or with an image: what came before it stays.
        target = (
            entry.from_version
            if entry.from_version != entry.version
            else snapshot.aliases.get(names.PREVIOUS)
        )
    else:
        before = release_before(history.read_entries(snapshot), entry.release)
        target = before.version if before else None
    at = snapshot.aliases.get(names.PREVIOUS)
    if target is None or registry.get(target) is None:
        if at is not None and entry.action == "rollback":
            # Deleting an alias needs more than EDIT; production must not wait for what is only a hint.
            with ignored("PERMISSION_DENIED"):
                registry.delete_alias(names.PREVIOUS)
    elif at != target:
        registry.set_alias(names.PREVIOUS, target)


def release_before(entries: list[Entry], release: str) -> Entry | None:
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
