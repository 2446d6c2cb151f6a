"""Compare two interfaces (MLflow signatures) by the rules of semantic versioning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from mlflow.models import ModelSignature
from mlflow.types.schema import Schema as MlflowSchema

from lastro.operations.release.tags import ReleaseTag


class Bump(IntEnum):
    """The number of the version that a change must raise at least; larger is stronger."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


@dataclass(frozen=True)
class Change:
    """One difference between two interfaces in words, and the bump that it needs."""

    bump: Bump
    what: str


def compare(old: ModelSignature, new: ModelSignature) -> list[Change]:
    """Return how the interface changed; empty if a client sees no difference.

    Renaming is a removal and an addition. The order of columns does not matter, since clients name them.
    """
    return [*_compare("input", old.inputs, new.inputs), *_compare("output", old.outputs, new.outputs)]


def _compare(what: str, old: MlflowSchema | None, new: MlflowSchema | None) -> Iterator[Change]:
    before, after = _columns(old), _columns(new)
    for name in dict.fromkeys([*before, *after]):
        column = f"{what} {name}"
        if name not in after:
            yield Change(Bump.MAJOR, f"{column} was removed")
            continue
        kind, required = after[name]
        if name not in before and what == "output":
            yield Change(Bump.MAJOR, f"{column} was added")
        elif name not in before:
            how, bump = ("required", Bump.MAJOR) if required else ("optional", Bump.MINOR)
            yield Change(bump, f"{how} {column} was added")
        elif before[name][0] != kind:
            yield Change(Bump.MAJOR, f"{column} was {before[name][0]} and is {kind}")
        elif what == "input" and before[name][1] != required:
            bump, how = (Bump.MAJOR, "newly") if required else (Bump.MINOR, "no longer")
            yield Change(bump, f"{column} is {how} required")


def needed(changes: list[Change]) -> Bump:
    """Return the strongest bump that a change needs; a patch if nothing changed."""
    return max((change.bump for change in changes), default=Bump.PATCH)


def given(last: ReleaseTag, tag: ReleaseTag) -> Bump | None:
    """Return the bump from one release to a later one; None if it is not later. 0.Y.Z has no special rules."""
    last, tag = last.final, tag.final
    if tag <= last:
        return None
    if tag.major > last.major:
        return Bump.MAJOR
    return Bump.MINOR if tag.minor > last.minor else Bump.PATCH


def _columns(schema: MlflowSchema | None) -> dict[str, tuple[str, bool]]:
    """Return name -> (type, required) of each column; empty for a signature without schema."""
    if schema is None:
        return {}
    return {
        spec.name: (str(spec.type).removeprefix("DataType."), bool(spec.required)) for spec in schema.inputs
    }
