"""Check a release tag beside the gate: branch, order of versions, and whether it says how the interface changed.

Interfaces (MLflow signatures) are compared by the rules of semantic versioning.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, ColSpec
from mlflow.types.schema import Schema as MlflowSchema

from lastro.evaluation.gate import Rule
from lastro.operations.lineage import git
from lastro.operations.registry import artifact, history
from lastro.operations.registry.client import Registry
from lastro.operations.registry.history import Entry
from lastro.operations.release.tags import ReleaseTag, must_come_after


def on_branch(root: Path, commit: str, chosen: str | None) -> Rule:
    """Check that the commit is on the default branch, where it was reviewed."""
    branches = git.default_branches(root, chosen)
    first = next(iter(branches))
    on = next((name for name, ref in branches.items() if git.is_ancestor(root, commit, ref)), None)
    if on is None:
        where = f"not on {first}; merge it first, or git fetch --unshallow origin where history is missing"
    elif on == first:
        where = f"on {on}"
    else:
        # A person may push later; a workflow's checkout has only the remote's branch.
        where = f"on {on}, which {first} has yet to get; git push"
    return Rule("branch", on is not None, f"commit {commit[:12]} is {where}")


def increases(tag: ReleaseTag, commit: str, entries: list[Entry]) -> Rule:
    """Check that the version is higher than the earlier ones, and was released at no other commit."""
    for entry in history.promotions(entries):
        if entry.release == str(tag) and entry.commit != commit:
            detail = f"{tag} was released at {entry.commit[:12]}, version {entry.version}, and the tag was moved since"
            return Rule("version", False, f"{detail}; choose a tag above it")
    others = must_come_after(tag, [ReleaseTag.parse(entry.release) for entry in history.promotions(entries)])
    if not others:
        return Rule("version", True, f"{tag} is the first of its kind")
    last = max(others)
    if tag > last:
        return Rule("version", True, f"{tag} comes after {last}, the highest so far")
    detail = f"{tag} comes before {last}, the highest so far; choose a tag above {last}"
    return Rule("version", False, detail)


def fits_interface(
    registry: Registry, tag: ReleaseTag, entries: list[Entry], fetched: artifact.Artifact, folder: Path
) -> Rule:
    """Check that the version says how the interface changed since the last release. fetched: the tag's model."""
    released = {ReleaseTag.parse(entry.release): entry for entry in history.promotions(entries)}
    earlier = [other for other in released if other.candidate is None and other < tag.finalize_version()]
    if not earlier:
        return Rule("interface", True, "there is no earlier release to compare with")
    last = max(earlier)
    entry = released[last]
    versions = registry.find(entry.model)
    if not versions:
        detail = f"version {entry.version} of {last} was deleted, so its interface is not known; lastro register --rev {last}"
        return Rule("interface", False, detail)
    old = artifact.fetch(registry.run_of(versions[0]), entry.model, folder / "last")
    changes = compare(_signature(old), _signature(fetched))
    bump = needed(changes)
    lowest = next_release(last, bump)
    what = "; ".join(change.what for change in changes) or "the interface is the same"
    detail = f"against {last}: {what}: needs a {bump.name.lower()}"
    passed = tag.finalize_version() >= lowest
    return Rule("interface", passed, detail + ("" if passed else f"; tag {lowest} instead"))


def _signature(fetched: artifact.Artifact) -> ModelSignature:
    """Read the signature, with the types that the metadata has for inputs whose type is any."""
    signature = ModelSignature.from_dict(fetched.description["signature"])
    types = fetched.description["metadata"].get("input_types", {})
    specs = [
        ColSpec(types.get(spec.name, "string"), spec.name, required=spec.required)
        if isinstance(spec.type, AnyType)
        else spec
        for spec in signature.inputs.inputs
    ]
    return ModelSignature(MlflowSchema(specs), signature.outputs)


class Bump(IntEnum):
    """The number of the version that a change must raise at least; larger is stronger."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


class Change(NamedTuple):
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
    return max((change.bump for change in changes), default=Bump.PATCH)


def next_release(last: ReleaseTag, bump: Bump) -> ReleaseTag:
    """Return the lowest release after `last` with that bump. 0.Y.Z has no special rules."""
    return getattr(last, f"bump_{bump.name.lower()}")()


def _columns(schema: MlflowSchema | None) -> dict[str, tuple[str, bool]]:
    """Return name -> (type, required) of each column; empty for a signature without schema."""
    specs = schema.inputs if schema else ()
    return {spec.name: (str(spec.type).removeprefix("DataType."), bool(spec.required)) for spec in specs}
