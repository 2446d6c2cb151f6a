"""Keep the promotion history in the registered model's tags: append-only, ordered by number, never by clock.

A promotion writes its entry twice: as a claim, and, once it has seen that nobody else is promoting, as decided. MLflow
can neither compare and swap nor lock, so two that want different things exclude each other by Lamport's bakery
(A New Solution of Dijkstra's Concurrent Programming Problem, CACM 1974): each makes its claim known before it looks for
others, the lower number goes first, and here the higher one gives up instead of waiting. The alias is moved after the
decision, as the last step of all, so an entry is finished when its alias points at its version: nothing has to be
written after the move, and an interrupted promotion is recognised and completed by running it again.
"""

from __future__ import annotations

import json
import shlex
import time
import uuid
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from lastro.core.errors import LastroError
from lastro.operations.registry import names
from lastro.operations.registry.client import Registry, Snapshot

SECONDS_FOR_OTHERS = 20.0
"""How long a promotion waits for a later, simultaneous one to give up."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One promotion or rollback. `begin` sets the fields that have a default.

    Attributes:
        number: place in the history; a higher number came later.
        key: the tag that holds it.
        when: UTC, for people to read; nothing is decided by it.
        from_release, from_version: what the alias pointed at before; None if at nothing.
    """

    number: int = 0
    key: str = ""
    state: Literal["claimed", "decided", "abandoned"] = "claimed"
    action: Literal["promote", "rollback"]
    alias: str
    release: str
    version: int
    model: str
    commit: str
    image: str | None
    from_release: str | None = None
    from_version: int | None = None
    who: str
    why: str
    when: str = ""

    def same_target(self, other: Entry) -> bool:
        """Return whether both lead to the same state, by promotion or by rollback."""
        return all(getattr(self, f) == getattr(other, f) for f in ("alias", "release", "version", "image"))

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "key"}


def read_entries(snapshot: Snapshot) -> list[Entry]:
    """Return every entry in order, claims included. Raises LastroError: somebody wrote a tag with this name by hand."""
    entries = []
    known = {field.name for field in fields(Entry)} - {"number", "key"}
    for key, text in snapshot.tags.items():
        if not key.startswith(names.HISTORY):
            continue
        try:
            content = json.loads(text)
            number = int(key.removeprefix(names.HISTORY).partition(".")[0])
            entries.append(Entry(number=number, key=key, **{name: content[name] for name in known}))
        except (ValueError, KeyError, TypeError):
            where = f"registered model's tag {key}"
            problem = "is no entry of the promotion history"
            raise LastroError(problem, where=where, fix="delete this tag") from None
    return sorted(entries, key=lambda entry: (entry.number, entry.key))


def promotions(entries: list[Entry], alias: str | None = None) -> list[Entry]:
    """Return the decided entries, of this alias if one is named."""
    return [e for e in entries if e.state == "decided" and alias in (None, e.alias)]


def current(entries: list[Entry], alias: str) -> Entry | None:
    """Return the promotion that the alias should show; None before the first."""
    return next(reversed(promotions(entries, alias)), None)


def last_of(entries: list[Entry], release: str, alias: str | None = None) -> Entry | None:
    """Return the newest entry that counts by which `release` was promoted (to `alias`); None if it never was."""
    return next((e for e in reversed(promotions(entries, alias)) if e.release == release), None)


def unfinished(registry: Registry, snapshot: Snapshot) -> list[Entry]:
    """Return claims, and decided entries whose alias does not point at their version (yet, or any more).

    An entry whose version was deleted or retired since can never be finished and blocks nobody.
    """
    entries = read_entries(snapshot)
    left = [entry for entry in entries if entry.state == "claimed"]
    for alias in sorted({entry.alias for entry in entries}):
        last = current(entries, alias)
        if last is None or snapshot.aliases.get(alias) == last.version:
            continue
        version = registry.get(last.version)
        if version is not None and version.retired is None:
            left.append(last)
    return left


def newest(entries: list[Entry]) -> int:
    """Return the number of the last decided promotion; 0 before the first."""
    return max((entry.number for entry in promotions(entries)), default=0)


def begin(registry: Registry, wanted: Entry, seen: int, take_over: bool = False) -> Entry:
    """Decide that `wanted` happens next, and return it as it is recorded.

    An interrupted entry with the same target is resumed.

    Args:
        seen: what `newest` returned when `wanted` was judged.
        take_over: abandon unfinished entries with another target, which nobody is working on any more.

    Raises:
        LastroError: another promotion is under way, was interrupted, or came first; also one that was begun and done since
            `wanted` was judged.
    """
    snapshot = registry.snapshot()
    entries = read_entries(snapshot)
    for other in unfinished(registry, snapshot):
        if other.same_target(wanted) and other.state == "decided":
            return other
        if other.state == "claimed" and (take_over or other.same_target(wanted)):
            registry.delete_tag(other.key)
            # Its number is free again: whoever made the claim finds it gone and gives up.
            entries.remove(other)
        elif take_over:
            _write(registry, replace(other, state="abandoned"))
        else:
            raise _conflict(other)
    number = max((entry.number for entry in entries), default=0) + 1
    mine = replace(
        wanted,
        number=number,
        key=f"{names.HISTORY}{number:06d}.{uuid.uuid4().hex[:8]}",
        state="claimed",
        when=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _write(registry, mine)
    try:
        snapshot = _wait_for_turn(registry, mine)
        if newest(read_entries(snapshot)) > seen:
            problem = "another promotion was done while this one was checked (lastro history)"
            fix = "run this again, and it is checked against that one"
            raise LastroError(problem, where=mine.release, fix=fix)
    except LastroError:
        registry.delete_tag(mine.key)
        raise
    before = current(read_entries(snapshot), mine.alias)
    at = snapshot.aliases.get(mine.alias)
    decided = replace(
        mine,
        state="decided",
        from_version=at,
        # A version that was set by hand belongs to no release.
        from_release=before.release if before and before.version == at else None,
    )
    _write(registry, decided)
    return decided


def _wait_for_turn(registry: Registry, mine: Entry) -> Snapshot:
    """Return the registry at a moment when `mine` is the only promotion under way."""
    deadline = time.monotonic() + SECONDS_FOR_OTHERS
    while True:
        snapshot = registry.snapshot()
        entries = read_entries(snapshot)
        if not any(entry.key == mine.key for entry in entries):
            fix = "lastro history says what came of it"
            raise LastroError("another process took this promotion over", where=mine.release, fix=fix)
        others = [entry for entry in unfinished(registry, snapshot) if entry.key != mine.key]
        later = [e for e in promotions(entries) if e.number >= mine.number]
        first = [e for e in others if e.state == "decided" or (e.number, e.key) < (mine.number, mine.key)]
        if later or first:
            raise _conflict((later or first)[0])
        if not others:
            return snapshot
        if time.monotonic() > deadline:
            raise _conflict(others[0])
        time.sleep(0.05)


def _conflict(other: Entry) -> LastroError:
    command = f"lastro rollback --to {other.release} --reason {shlex.quote(other.why)}"
    if other.action == "promote":
        command = f"lastro promote {other.release}" + (f" --image {other.image}" if other.image else "")
    what = f"the {other.action} of {other.release} by {other.who} ({other.when})"
    return LastroError(
        f"{what} came first and is under way or was interrupted",
        where=other.alias,
        fix=f"when it is done, run this again; to finish it run {command}; to give it up add --take-over",
    )


def _write(registry: Registry, entry: Entry) -> None:
    content = {name: value for name, value in asdict(entry).items() if name not in ("number", "key")}
    registry.set_tag(entry.key, json.dumps(content, ensure_ascii=False))
