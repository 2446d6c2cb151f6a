"""What became of it: the links to the registered version, the release and the image."""

from __future__ import annotations

from pathlib import Path

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.lineage import git, repository
from lastro.operations.registry import history, names
from lastro.operations.registry.client import Registry, Snapshot, Version
from lastro.operations.registry.history import Entry
from lastro.operations.release.link import Link
from lastro.operations.release.trace_start import Start


def version_link(
    registry: Registry,
    version: Version | None,
    several: list[Version],
    model: str | None,
    commit: str | None,
    snapshot: Snapshot,
) -> Link:
    """The registered version."""
    rev = f" --rev {commit[:12]}" if commit else ""
    if version is None:
        return Link("version", problem=f"none is registered for this model; lastro register{rev}")
    problem = None
    if len(several) > 1:
        numbers = ", ".join(str(other.number) for other in several)
        problem = f"the model is registered as versions {numbers}, expected one; lastro register{rev}"
    elif version.tags.get(names.MODEL) is None:
        problem = (
            f"version {version.number} carries no {names.MODEL}: it was not made by lastro register{rev}"
        )
    aliases = snapshot.aliases_of(version.number)
    content = {
        "name": registry.name,
        "version": version.number,
        "aliases": aliases,
        "retired": version.retired,
    }
    parts = [f"{registry.name} version {version.number}", *(f"alias {alias}" for alias in aliases)]
    if version.tags.get(names.PULL_REQUEST):
        content["pull_request"] = version.tags[names.PULL_REQUEST]
        parts.append(f"pull request {content['pull_request']}")
    if version.retired is not None:
        parts.append(f"retired: {version.retired}")
    return Link("version", content, ", ".join(parts), problem=problem)


def release_links(
    registry: Registry, root: Path, start: Start, version: Version | None, snapshot: Snapshot
) -> tuple[Link, Link]:
    """The release, and the image that was published with it. Not to be released yet breaks no chain."""
    if version is None:
        return Link("release", text="none"), Link("image", text="none")
    entries = history.read_entries(snapshot)
    of_version = [entry for entry in history.promotions(entries) if entry.version == version.number]
    problem = next(
        filter(
            None, (_set_by_hand(entries, alias, version) for alias in snapshot.aliases_of(version.number))
        ),
        None,
    )
    if not of_version:
        text = "none yet; git tag vX.Y.Z, then lastro release plan vX.Y.Z"
        return Link("release", [], text, problem=problem), _image_link(start, [], None)
    last = {entry.release: entry for entry in of_version}
    content, lines = [], []
    for release, entry in reversed(last.items()):
        now = history.current(entries, entry.alias)
        stands = now is not None and now.key == entry.key
        content.append({**entry.to_json(), "current": stands})
        lines.append(
            f"{release}  {entry.alias}{' now' if stands else ''}, {entry.action} by {entry.who}, {entry.when}"
        )
        problem = problem or _moved_tag(root, entry)
    promoted = [entry.image for entry in of_version if entry.image]
    image = _image_link(start, promoted, version.tags.get(names.IMAGE))
    return Link("release", content, lines[0], tuple(lines[1:]), problem), image


def _image_link(start: Start, promoted: list[str], of_version: str | None) -> Link:
    """promoted: the digests that the history names for this version."""
    problem = None
    if start.image and start.image not in promoted:
        problem = f"{start.image} was never promoted; lastro promote TAG --image names the published one"
    digest = start.image or of_version
    return Link(
        "image", digest, digest or "none recorded; lastro promote TAG --image DIGEST", problem=problem
    )


def _set_by_hand(entries: list[Entry], alias: str, version: Version) -> str | None:
    if alias not in (names.PRODUCTION, names.STAGING):
        return None
    now = history.current(entries, alias)
    if now is not None and now.version == version.number:
        return None
    should = (
        f"the history says {now.release}, version {now.version}" if now else "nothing was ever promoted there"
    )
    return f"alias {alias} was set to version {version.number} by hand: {should}; lastro history"


def _moved_tag(root: Path, entry: Entry) -> str | None:
    if not repository.has_tag(root, entry.release):
        return None
    try:
        commit = git.resolve(root, f"refs/tags/{entry.release}")
    except ExternalError:
        raise
    except LastroError:
        return f"{entry.release}: the tag is no commit's any more; git tag -f {entry.release} {entry.commit[:12]}"
    if commit == entry.commit:
        return None
    return (
        f"{entry.release}: the tag is at {commit[:12]} now, and was promoted at {entry.commit[:12]}; git tag -f "
        f"{entry.release} {entry.commit[:12]}, or release under a new tag"
    )
