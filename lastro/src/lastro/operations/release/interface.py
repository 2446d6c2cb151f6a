"""Semantic versioning of the model's interface, as its MLflow signature tells it to clients."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from mlflow.models import ModelSignature

from lastro.operations.release.tags import ReleaseTag


class Bump(IntEnum):
    """Which number of the version a change needs at least; larger is stronger."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


@dataclass(frozen=True)
class Change:
    """One difference between two interfaces, in words, and what it needs."""

    bump: Bump
    what: str


def compare(old: ModelSignature, new: ModelSignature) -> list[Change]:
    """How the interface changed; empty where a client cannot tell the two apart.

    Renaming is a removal and an addition. An input that was required and no longer is, is a wider interface: minor. The
    order of inputs does not matter, since clients name them; that of outputs does not either.
    """
    changes = []
    before, after = _columns(old.inputs), _columns(new.inputs)
    for name, (kind, required) in before.items():
        if name not in after:
            changes.append(Change(Bump.MAJOR, f"input {name} was removed"))
        elif after[name][0] != kind:
            changes.append(Change(Bump.MAJOR, f"input {name} was {kind} and is {after[name][0]}"))
        elif after[name][1] and not required:
            changes.append(Change(Bump.MAJOR, f"input {name} is newly required"))
        elif required and not after[name][1]:
            changes.append(Change(Bump.MINOR, f"input {name} is no longer required"))
    for name, (_, required) in after.items():
        if name not in before:
            bump = Bump.MAJOR if required else Bump.MINOR
            changes.append(Change(bump, f"{'required' if required else 'optional'} input {name} was added"))
    outputs, answers = _columns(old.outputs), _columns(new.outputs)
    for name in dict.fromkeys([*outputs, *answers]):
        if name not in answers:
            changes.append(Change(Bump.MAJOR, f"output {name} was removed"))
        elif name not in outputs:
            changes.append(Change(Bump.MAJOR, f"output {name} was added"))
        elif outputs[name][0] != answers[name][0]:
            changes.append(
                Change(Bump.MAJOR, f"output {name} was {outputs[name][0]} and is {answers[name][0]}")
            )
    return changes


def needed(changes: list[Change]) -> Bump:
    """The strongest bump that one of the changes asks for; a patch where nothing changed."""
    return max((change.bump for change in changes), default=Bump.PATCH)


def given(last: ReleaseTag, tag: ReleaseTag) -> Bump | None:
    """The bump from one release to a later one; None where it is not later. 0.Y.Z has no special freedom here."""
    last, tag = last.final, tag.final
    if tag <= last:
        return None
    if tag.major > last.major:
        return Bump.MAJOR
    return Bump.MINOR if tag.minor > last.minor else Bump.PATCH


def _columns(schema) -> dict[str, tuple[str, bool]]:
    """name -> (type, required) of each column; a signature without schema has none."""
    if schema is None:
        return {}
    return {
        spec.name: (str(spec.type).removeprefix("DataType."), bool(spec.required)) for spec in schema.inputs
    }
