"""From what a person names to the link of the chain that it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from lastro.core.errors import ExternalError, LastroError, readable
from lastro.operations.lineage import git, repository
from lastro.operations.lineage.hashes import file_md5
from lastro.operations.lineage.repository import recorded_at
from lastro.operations.registry import history
from lastro.operations.registry.client import Registry, Snapshot, Version
from lastro.operations.release import trace_image as image

_DIGEST = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Start:
    """Where a chain is entered. What is known only by following it is None.

    Attributes:
        named: what the person wrote.
        kind: what it is, in words.
        model: digest of the model file.
        image: digest or id of the image that was asked for.
    """

    named: str
    kind: str
    model: str | None = None
    commit: str | None = None
    run: Run | None = None
    version: Version | None = None
    image: str | None = None


def find_start(registry: Registry, root: Path, named: str) -> Start:
    """A version number, alias, model file, image reference, run id, digest of a model, release tag or revision.

    Where one word fits several, the first of these wins.

    Raises:
        LastroError: it is none of them.
        ExternalError: the store, Git or Docker does not answer.
    """
    snapshot = registry.snapshot()
    finders: tuple[Callable[[], Start | None], ...] = (
        lambda: _version(registry, named),
        lambda: _alias(registry, snapshot, named),
        lambda: _file(named),
        lambda: _image(snapshot, named) if ":" in named else None,
        lambda: _digest(registry, root, named) if _DIGEST.fullmatch(named) else None,
        lambda: _revision(root, named),
        lambda: _past_release(snapshot, named),
    )
    for find in finders:
        start = find()
        if start is not None:
            return start
    aliases = ", ".join(sorted(snapshot.aliases)) or "none yet"
    raise LastroError(
        f"is no version number, alias ({aliases}), model file, image, run id, tag or revision that this "
        "clone and the tracking store know",
        where=named,
        fix="lastro versions lists versions, git fetch --tags brings tags",
    )


def get_run(registry: Registry, run_id: str) -> Run | None:
    """The run; None if there is none, or it was deleted."""
    try:
        run = registry.client.get_run(run_id)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return run if run.info.lifecycle_stage == "active" else None


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


def _image(snapshot: Snapshot, named: str) -> Start | None:
    digest = image.digest_in(named)
    for entry in reversed(history.promotions(history.read_entries(snapshot))):
        if digest and entry.image == digest:
            return Start(named, f"image of {entry.release}", entry.model, entry.commit, image=digest)
    found = image.inspect(named)
    return Start(named, "image", found.model, found.commit, image=found.digest)


def _digest(registry: Registry, root: Path, named: str) -> Start | None:
    """MLflow's run ids and MD5 look alike."""
    run = get_run(registry, named)
    if run is not None:
        return Start(named, "run", run=run)
    if registry.find(named) or recorded_at(root, named):
        return Start(named, "digest of a model", model=named)
    return None


def _revision(root: Path, named: str) -> Start | None:
    is_tag = repository.has_tag(root, named)
    try:
        commit = git.resolve(root, f"refs/tags/{named}" if is_tag else named)
    except ExternalError:
        raise
    except LastroError:
        return None
    return Start(named, "tag" if is_tag else "revision", commit=commit)


def _past_release(snapshot: Snapshot, named: str) -> Start | None:
    """A release whose tag has gone from Git, or was never fetched into this clone."""
    for entry in reversed(history.promotions(history.read_entries(snapshot))):
        if entry.release == named:
            return Start(named, "release, whose tag this clone lacks", entry.model, entry.commit)
    return None
