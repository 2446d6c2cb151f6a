"""Find the link of a chain that a person names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run

from lastro.core import docker
from lastro.core.errors import ExternalError, LastroError, readable
from lastro.operations.lineage import git
from lastro.operations.lineage.dvc import file_md5
from lastro.operations.registry import history, names
from lastro.operations.registry.client import Registry, Snapshot, Version
from lastro.operations.tracking.store import ignored

REVISION = "org.opencontainers.image.revision"
DOCKER_SECONDS = 20
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Start:
    """Where a chain is entered. What is known only by following it is None.

    Attributes:
        named: what the person wrote.
        kind: what it is, in words.
        model: MD5 of the model file.
        image: digest, or id, of the image that was named.
    """

    named: str
    kind: str
    model: str | None = None
    commit: str | None = None
    run: Run | None = None
    version: Version | None = None
    image: str | None = None


def find_start(registry: Registry, root: Path, named: str) -> Start:
    """Find a version number, alias, model file, image, run id, model's MD5, release tag or revision; the first that fits.

    Raises:
        LastroError: it is none of them.
        ExternalError: the store, Git or Docker does not answer.
    """
    snapshot = registry.snapshot()
    start = (
        _version(registry, named)
        or _alias(registry, snapshot, named)
        or _file(named)
        or (":" in named and _image(snapshot, named))
        or (_MD5.fullmatch(named) and _run_or_model(registry, root, named))
        or _revision(root, named)
        or _past_release(snapshot, named)
    )
    if start:
        return start
    aliases = ", ".join(sorted(snapshot.aliases)) or "none yet"
    raise LastroError(
        f"is no version number, alias ({aliases}), model file, image, run id, tag or revision that this "
        "clone and the tracking store know",
        where=named,
        fix="lastro versions lists versions, git fetch --tags brings tags",
    )


def get_run(registry: Registry, run_id: str) -> Run | None:
    """Return the run; None if there is none, or it was deleted."""
    with ignored("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
        run = registry.client.get_run(run_id)
        return run if run.info.lifecycle_stage == "active" else None
    return None


def _version(registry: Registry, named: str) -> Start | None:
    if not re.fullmatch(r"[0-9]+", named):
        return None
    version = registry.get(int(named))
    if version is None and len(named) < 7:
        # Longer ones may be the beginning of a commit's name.
        raise LastroError(
            f"{registry.name} has no such version", where=named, fix="lastro versions lists them"
        )
    return version and Start(named, "version", version=version)


def _alias(registry: Registry, snapshot: Snapshot, named: str) -> Start | None:
    if named not in snapshot.aliases:
        return None
    version = registry.get(snapshot.aliases[named])
    if version is None:
        raise LastroError(
            f"the alias points at version {snapshot.aliases[named]}, which was deleted",
            where=named,
            fix="lastro history says what was there",
        )
    return Start(named, "alias", version=version)


def _file(named: str) -> Start | None:
    path = Path(named)
    with readable(named):
        return Start(named, "model file", model=file_md5(path)) if path.is_file() else None


def _image(snapshot: Snapshot, named: str) -> Start:
    digest = _digest_in(named)
    for entry in reversed(history.promotions(history.read_entries(snapshot))):
        if digest and entry.image == digest:
            return Start(named, f"image of {entry.release}", entry.model, entry.commit, image=digest)
    return inspect_image(named)


def _run_or_model(registry: Registry, root: Path, named: str) -> Start | None:
    """Find a run id or a model's MD5, which look alike."""
    run = get_run(registry, named)
    if run is not None:
        return Start(named, "run", run=run)
    if registry.find(named) or git.recorded_at(root, named):
        return Start(named, "digest of a model", model=named)
    return None


def _revision(root: Path, named: str) -> Start | None:
    is_tag = git.has_tag(root, named)
    try:
        commit = git.resolve(root, f"refs/tags/{named}" if is_tag else named)
    except ExternalError:
        raise
    except LastroError:
        return None
    return Start(named, "tag" if is_tag else "revision", commit=commit)


def _past_release(snapshot: Snapshot, named: str) -> Start | None:
    """Find a release whose tag was deleted from Git, or never fetched into this clone."""
    entry = history.last_of(history.read_entries(snapshot), named)
    return entry and Start(named, "release, whose tag this clone lacks", entry.model, entry.commit)


def inspect_image(reference: str) -> Start:
    """Read the model and the commit from the labels of a local image; nothing is pulled.

    Raises:
        ExternalError: Docker is not installed or its daemon does not answer.
        LastroError: there is no such image here, or it has no labels of Lastro's.
    """
    where = f"image {reference}"
    instead = "trace its release tag, or the digest that lastro history --json shows"
    try:
        found = docker.inspect(reference, DOCKER_SECONDS)
    except docker.AbsentImageError:
        raise LastroError(
            "was promoted under no such digest and is not on this machine",
            where=where,
            fix=f"docker pull it, or {instead}",
        ) from None
    except ExternalError as error:
        raise ExternalError(error.problem, where=where, fix=instead) from None
    labels = docker.labels(found)
    # Whoever built the image wrote the labels.
    model, commit = labels.get(names.MODEL) or "", labels.get(REVISION) or ""
    model = model if _MD5.fullmatch(model) else None
    commit = commit if re.fullmatch("[0-9a-f]{40,64}", commit) else None
    if not model and not commit:
        raise LastroError(
            f"has no {names.MODEL} (an MD5) and no {REVISION} (a commit) among its labels; it was not built "
            "by lastro",
            where=where,
        )
    pushed = [digest for name in found.get("RepoDigests") or [] if (digest := _digest_in(name))]
    return Start(reference, "image", model, commit, image=pushed[0] if pushed else found["Id"])


def _digest_in(reference: str) -> str | None:
    """Return the digest in NAME@sha256:… or sha256:…; None for a tag."""
    found = re.search(r"(?:^|@)(sha256:[0-9a-f]{64})$", reference)
    return found[1] if found else None
