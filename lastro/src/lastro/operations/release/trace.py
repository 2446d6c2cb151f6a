"""Follow the chain of a model from commit to image, from whatever link a person names."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from mlflow.entities import Run

from lastro.core import docker
from lastro.core.errors import ExternalError, LastroError, readable
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.dvc import file_md5
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import history, names
from lastro.operations.registry.client import Registry, Version
from lastro.operations.registry.history import Entry
from lastro.operations.registry.register import refuse_outdated
from lastro.operations.release.trace_links import Chain, links
from lastro.operations.tracking import runs
from lastro.operations.tracking.store import ignored

REVISION = "org.opencontainers.image.revision"
DOCKER_SECONDS = 20
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Start:
    """Where a chain is entered, and what following it has found; what is not known is None.

    Attributes:
        kind: what `named`, which a person wrote, is in words.
        model: MD5 of the model file.
        image: digest, or id, of the image that was named.
        found: what stands in dvc.lock at `commit`; problem: what is wrong with it.
        several: all versions of the model.
    """

    named: str
    kind: str
    model: str | None = None
    commit: str | None = None
    run: Run | None = None
    version: Version | None = None
    image: str | None = None
    found: Lineage | None = None
    problem: str | None = None
    several: tuple[Version, ...] = ()

    @property
    def tags(self) -> dict[str, str]:
        return self.version.tags if self.version else {}

    @property
    def run_tags(self) -> dict[str, str]:
        return self.run.data.tags if self.run else {}


def find_start(registry: Registry, root: Path, named: str) -> Start:
    """Find a version number, alias, model file, image, run id, model's MD5, release tag or revision; the first that fits.

    Raises LastroError: it is none of them. Raises ExternalError: the store, Git or Docker does not answer.
    """
    snapshot = registry.snapshot()
    if named.isdecimal() and named.isascii():
        version = registry.get(int(named))
        if version:
            return Start(named, "version", version=version)
        # Longer ones may be the beginning of a commit's name.
        if len(named) < 7:
            raise LastroError(
                f"{registry.name} has no such version", where=named, fix="lastro versions lists them"
            )
    if named in snapshot.aliases:
        version = registry.get(snapshot.aliases[named])
        if version is None:
            problem = f"the alias points at version {snapshot.aliases[named]}, which was deleted"
            raise LastroError(problem, where=named, fix="lastro history says what was there")
        return Start(named, "alias", version=version)
    with readable(named):
        if Path(named).is_file():
            return Start(named, "model file", model=file_md5(Path(named)))
    entries = history.read_entries(snapshot)
    if ":" in named:
        return _image(entries, named)
    if _MD5.fullmatch(named):
        # A run id or a model's MD5, which look alike.
        run = get_run(registry, named)
        if run is not None:
            return Start(named, "run", run=run)
        if registry.find(named) or git.recorded_at(root, named):
            return Start(named, "digest of a model", model=named)
    is_tag = git.has_tag(root, named)
    try:
        commit = git.resolve(root, f"refs/tags/{named}" if is_tag else named)
        return Start(named, "tag" if is_tag else "revision", commit=commit)
    except ExternalError:
        raise
    except LastroError:
        entry = history.last_of(entries, named)
    if entry:
        # Its tag was deleted from Git, or never fetched into this clone.
        return Start(named, "release, whose tag this clone lacks", entry.model, entry.commit)
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


def _image(entries: list[Entry], named: str) -> Start:
    digest = _digest_in(named)
    for entry in reversed(history.promotions(entries)):
        if digest and entry.image == digest:
            return Start(named, f"image of {entry.release}", entry.model, entry.commit, image=digest)
    return inspect_image(named)


def inspect_image(reference: str) -> Start:
    """Read the model and the commit from the labels of a local image; nothing is pulled.

    Raises ExternalError: Docker is not installed or its daemon does not answer. Raises LastroError: there is no such image
    here, or it has no labels of Lastro's.
    """
    where = f"image {reference}"
    instead = "trace its release tag, or the digest that lastro history --json shows"
    try:
        found = docker.inspect(reference, DOCKER_SECONDS)
    except docker.AbsentImageError:
        problem = "was promoted under no such digest and is not on this machine"
        raise LastroError(problem, where=where, fix=f"docker pull it, or {instead}") from None
    except ExternalError as error:
        raise ExternalError(error.problem, where=where, fix=instead) from None
    labels = docker.labels(found)
    # Whoever built the image wrote the labels.
    model, commit = labels.get(names.MODEL) or "", labels.get(REVISION) or ""
    model = model if _MD5.fullmatch(model) else None
    commit = commit if re.fullmatch("[0-9a-f]{40,64}", commit) else None
    if not model and not commit:
        wanted = f"{names.MODEL} (an MD5) and no {REVISION} (a commit)"
        raise LastroError(f"has no {wanted} among its labels; it was not built by lastro", where=where)
    pushed = filter(None, map(_digest_in, found.get("RepoDigests") or []))
    return Start(reference, "image", model, commit, image=next(pushed, found["Id"]))


def _digest_in(reference: str) -> str | None:
    """Return the digest in NAME@sha256:… or sha256:…; None for a tag."""
    found = re.search(r"(?:^|@)(sha256:[0-9a-f]{64})$", reference)
    return found[1] if found else None


def follow(registry: Registry, root: Path, start: Start) -> Chain:
    """Return the whole chain. What is broken is in its link, not raised.

    Raises ExternalError: the store or Git does not answer.
    """
    known = _with_version(registry, start)
    if known.model is None and known.commit:
        known = _with_version(registry, _with_lineage(root, known, known.commit))
    version, run = known.version, known.run
    if run is None and version is not None and version.run_id:
        run = get_run(registry, version.run_id)
    elif run is None and known.model:
        run = runs.find_run(registry.store, known.model)
    if known.found is None and known.problem is None:
        commit = known.commit or _commit_of(root, known)
        if commit:
            known = _with_lineage(root, known, commit)
        else:
            problem = (
                "no dvc.lock in this clone's history names this model; git fetch, or dvc repro and commit it"
            )
            known = replace(known, problem=problem)
    known = replace(known, run=run)
    return Chain(known, links(registry, root, known))


def find_commit(registry: Registry, root: Path, start: Start) -> str:
    """Return only the commit that a start leads to. Raises LastroError: there is none."""
    commit = start.commit or _commit_of(root, _with_version(registry, start))
    if not commit:
        fix = f"lastro trace {start.named} shows where the chain ends"
        raise LastroError("leads to no commit", where=start.named, fix=fix)
    return commit


def _with_version(registry: Registry, start: Start) -> Start:
    """Add the model that the version or the run names, and the versions of it."""
    model = start.tags.get(names.MODEL) or start.run_tags.get(names.MODEL) or start.model
    if start.version is not None or not model:
        return replace(start, model=model)
    several = tuple(registry.find(model))
    return replace(start, model=model, several=several, version=next(iter(several), None))


def _with_lineage(root: Path, start: Start, commit: str) -> Start:
    """Add the commit's lineage, if it has one, and what is wrong with it; the model, where none is known."""
    found, problem = None, None
    try:
        found = lineage.read(root, commit)
        refuse_outdated(found, commit[:12])
    except ExternalError:
        raise
    except LastroError as error:
        problem = str(error)
    model = start.model or (found and found.model)
    return replace(start, commit=commit, model=model, found=found, problem=problem)


def _commit_of(root: Path, known: Start) -> str | None:
    return known.tags.get(names.COMMIT) or (git.recorded_at(root, known.model) if known.model else None)
