"""What an image is built from and compared with: one registered version, its commit, its release."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from lastro.core import docker
from lastro.core.errors import LastroError
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import history, names, versions
from lastro.operations.registry.client import Registry, Version
from lastro.operations.registry.register import refuse_retired
from lastro.operations.release.tags import ReleaseTag


@dataclass(frozen=True)
class Subject:
    """A version with its run and the commit that it is released from. release: the tag, where one was named."""

    name: str
    version: Version
    run: Run
    lineage: Lineage
    release: str | None
    created: str

    def labels(self) -> dict[str, str]:
        """Return the image's labels; the first four are the OCI's (github.com/opencontainers/image-spec, annotations)."""
        return {
            "org.opencontainers.image.title": self.name,
            "org.opencontainers.image.revision": self.lineage.commit,
            "org.opencontainers.image.created": self.created,
            "org.opencontainers.image.version": (self.release or "").removeprefix("v"),
            names.MODEL: self.lineage.model,
            names.DATA: self.lineage.data,
            names.PARAMS: self.lineage.params,
            "lastro.version": str(self.version.number),
            names.RELEASE: self.release or "",
        }

    def differing_labels(self, image: dict[str, Any]) -> list[str]:
        """Return the labels that an inspected image lacks, or has with another value."""
        found = docker.labels(image)
        return [key for key, value in self.labels().items() if value and found.get(key) != value]

    def to_json(self) -> dict[str, Any]:
        """Return what /version tells."""
        told = {"name": self.name, "release": self.release, "version": self.version.number}
        digests = {key: getattr(self.lineage, key) for key in ("commit", "model", "data", "params")}
        return {**told, **digests, "created": self.created}


def find_subject(registry: Registry, root: Path, named: str) -> Subject:
    """Find the version that a number, an alias or a release tag names.

    A tag also names the commit, and so does an alias that a release was promoted to.

    Raises:
        LastroError: there is none, it was retired, or its commit is not in this clone.
    """
    version = versions.find_version(registry, root, named)
    refuse_retired(version)
    release, rev, entry = None, version.tags.get(names.COMMIT, ""), None
    snapshot = registry.snapshot()
    promoted = history.promotions(history.read_entries(snapshot))
    if named in snapshot.aliases:
        if named == names.PREVIOUS:
            # Moved with production, it has no entries of its own.
            shown = [e for e in promoted if e.alias == names.PRODUCTION and e.version == version.number]
            entry = shown[-1] if shown else None
        else:
            entry = history.current(promoted, named)
        # Set by hand, or by a registration, it shows no promotion.
        if entry is not None and entry.version != version.number:
            entry = None
    elif not named.isdigit() and git.has_tag(root, named):
        release, rev = str(ReleaseTag.parse(named)), f"refs/tags/{named}"
    else:
        entry = history.last_of(promoted, named)
    if entry is not None:
        release, rev = entry.release, entry.commit
    if not rev:
        problem = f"version {version.number} names no commit"
        raise LastroError(problem, where=named, fix="lastro register makes one that does")
    found = lineage.read(root, rev)
    if found.model != version.tags.get(names.MODEL):
        problem = f"dvc.lock has model {found.model}, version {version.number} another"
        raise LastroError(problem, where=named, fix=f"lastro register --rev {named}")
    created = git.committed_at(root, found.commit)
    return Subject(registry.name, version, registry.run_of(version), found, release, created)
