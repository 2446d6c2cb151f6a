"""Moving an alias to a verified version, so that it can be interrupted anywhere and done again."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlflow.exceptions import MlflowException

from lastro.core.errors import LastroError
from lastro.operations.registry import artifact, history, names
from lastro.operations.registry.client import Registry, Snapshot, Version
from lastro.operations.registry.history import Entry
from lastro.operations.registry.register import refuse_retired


@dataclass(frozen=True)
class Moved:
    """What a promotion or rollback has come to; `already`: nothing was left to do."""

    entry: Entry
    already: bool


def wish(
    action: str,
    alias: str,
    release: str,
    version: Version,
    image: str | None,
    who: str,
    why: str,
    commit: str,
) -> Entry:
    """An entry that is to be: what `history.begin` fills in is empty."""
    return Entry(
        number=0,
        key="",
        state="claimed",
        action=action,
        alias=alias,
        release=release,
        version=version.number,
        model=version.tags.get(names.MODEL, ""),
        commit=commit,
        image=image,
        from_release=None,
        from_version=None,
        who=who,
        why=why,
        when="",
    )


def standing(snapshot: Snapshot, alias: str, release: str, number: int, image: str | None) -> Entry | None:
    """The entry that has brought the alias to just this release, version and image; None if it is elsewhere."""
    last = history.current(history.read_entries(snapshot), alias)
    if (
        last
        and (last.release, last.version) == (release, number)
        and snapshot.aliases.get(alias) == number
        and image in (None, last.image)
    ):
        return last
    return None


def verify(registry: Registry, version: Version) -> None:
    """Raises LastroError where the version was retired or its artifact is not the model it is named by."""
    refuse_retired(version)
    with tempfile.TemporaryDirectory() as folder:
        artifact.fetch(registry.run_of(version), version.tags[names.MODEL], Path(folder))


def carry_out(registry: Registry, wanted: Entry, seen: int, take_over: bool = False) -> Entry:
    """Enter the move into the history and make it; the alias itself comes last. See `history.begin` for `seen`.

    Returns:
        The entry as it stands in the history.

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
    """Undo the move of a version that was retired meanwhile: who retired it may have looked before the alias was here."""
    now = registry.get(entry.version)
    if now is not None and now.retired is not None:
        if registry.snapshot().aliases.get(entry.alias) == entry.version:
            registry.delete_alias(entry.alias)
        refuse_retired(now)


def _set_previous(registry: Registry, snapshot: Snapshot, entry: Entry) -> None:
    """`previous` is what the next rollback returns to."""
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
            try:
                registry.delete_alias(names.PREVIOUS)
            except MlflowException as error:
                # Deleting an alias asks for more than EDIT; production must not wait for what is only a hint.
                if error.error_code != "PERMISSION_DENIED":
                    raise
    elif at != target:
        registry.set_alias(names.PREVIOUS, target)


def release_before(entries: list[Entry], release: str) -> Entry | None:
    """The promotion of what was in production when `release` first came there; None if nothing was."""
    done = history.promotions(entries, names.PRODUCTION)
    # A rollback comes from the release that it leaves, which is not the one before.
    came = [e for e in done if e.release == release and e.action == "promote" and e.from_release != release]
    if not came:
        return None
    if came[0].from_release:
        return last_promotion(entries, came[0].from_release)
    # Nothing was there at that moment, because what was had been retired: it is the one before, to be passed over.
    earlier = [e for e in done if e.number < came[0].number and e.release != release]
    return last_promotion(entries, earlier[-1].release) if earlier else None


def last_promotion(entries: list[Entry], release: str) -> Entry | None:
    """The newest entry by which `release` came into production; None if it never was there."""
    return next(
        (e for e in history.promotions(entries, names.PRODUCTION)[::-1] if e.release == release), None
    )
