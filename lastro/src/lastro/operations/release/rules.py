"""Check a release tag beside the gate: branch, order of versions, interface."""

from __future__ import annotations

from pathlib import Path

from mlflow.models import ModelSignature

from lastro.evaluation.gate import Rule
from lastro.operations.lineage import git
from lastro.operations.registry import artifact, history
from lastro.operations.registry.client import Registry
from lastro.operations.registry.history import Entry
from lastro.operations.release import interface
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
    return Rule("branch", on is not None, None, None, f"commit {commit[:12]} is {where}")


def _released(entries: list[Entry]) -> dict[ReleaseTag, Entry]:
    return {ReleaseTag.parse(entry.release): entry for entry in history.promotions(entries)}


def increases(tag: ReleaseTag, commit: str, entries: list[Entry]) -> Rule:
    """Check that the version is higher than the earlier ones, and was released at no other commit."""
    for entry in history.promotions(entries):
        if entry.release == str(tag) and entry.commit != commit:
            detail = f"{tag} was released at {entry.commit[:12]}, version {entry.version}, and the tag was moved since"
            return Rule("version", False, None, None, f"{detail}; choose a tag above it")
    others = must_come_after(tag, list(_released(entries)))
    last = max(others, default=None)
    if last is None:
        return Rule("version", True, None, None, f"{tag} is the first of its kind")
    passed = tag > last
    detail = f"{tag} comes {'after' if passed else 'before'} {last}, the highest so far"
    return Rule("version", passed, None, None, detail + ("" if passed else f"; choose a tag above {last}"))


def fits_interface(
    registry: Registry, tag: ReleaseTag, entries: list[Entry], fetched: artifact.Artifact, folder: Path
) -> Rule:
    """Check that the version says how the interface changed since the last release. fetched: the tag's model."""
    earlier = [other for other in _released(entries) if other.candidate is None and other < tag.final]
    last = max(earlier, default=None)
    if last is None:
        return Rule("interface", True, None, None, "there is no earlier release to compare with")
    entry = _released(entries)[last]
    versions = registry.find(entry.model)
    if not versions:
        detail = f"version {entry.version} of {last} was deleted, so its interface is not known; lastro register --rev {last}"
        return Rule("interface", False, None, None, detail)
    old = artifact.fetch(registry.run_of(versions[0]), entry.model, folder / "last")
    changes = interface.compare(_signature(old), _signature(fetched))
    needs, gives = interface.needed(changes), interface.given(last, tag)
    passed = gives is not None and gives >= needs
    what = "; ".join(change.what for change in changes) or "the interface is the same"
    detail = f"against {last}: {what}: needs a {needs.name.lower()}"
    fix = "" if passed else f"; tag {_next(last, needs)} instead"
    return Rule("interface", passed, None, None, detail + fix)


def _next(last: ReleaseTag, bump: interface.Bump) -> ReleaseTag:
    return {
        interface.Bump.MAJOR: ReleaseTag(last.major + 1, 0, 0),
        interface.Bump.MINOR: ReleaseTag(last.major, last.minor + 1, 0),
        interface.Bump.PATCH: ReleaseTag(last.major, last.minor, last.patch + 1),
    }[bump]


def _signature(fetched: artifact.Artifact) -> ModelSignature:
    return ModelSignature.from_dict(fetched.description["signature"])
