"""Where a model comes from: the commit, data, parameters and code behind it, at any revision.

The only reader of dvc.lock and the only caller of Git. Nothing is checked out and DVC is not imported, so an
answer takes a fraction of a second.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lastro.core.errors import LastroError
from lastro.core.paths import Paths
from lastro.core.yaml12 import load_mapping
from lastro.operations.lineage import git
from lastro.operations.lineage.git import state
from lastro.operations.lineage.pipeline import PARAMS_FILE, Recorded, read_lock, read_stages
from lastro.operations.lineage.sources import Revision, Source, WorkingTree
from lastro.operations.lineage.staleness import Stale, Unverified, compare

__all__ = ["Lineage", "Stale", "Unverified", "evaluation_digest", "outputs", "params_digest", "read", "state"]

_FIX_LOCK = "run `dvc repro` and commit dvc.lock"


@dataclass(frozen=True)
class Lineage:
    """What stands behind the model of a revision, and whether dvc.lock still tells the truth about it.

    Attributes:
        commit: the full name of the commit; for the working tree HEAD's, None before the first commit.
        dirty: tracked files differ from `commit`; only ever true of the working tree.
        model: MD5 of the model file. The key that joins commit, run, version and image.
        data: DVC's hash of the prepared data, with `.dir` at the end.
        params: see `params_digest`.
        evaluation, verdict, predictions, model_card: MD5 of each of these files; None if dvc.lock records none.
        stale: what changed since the lock was written. Empty: the lock is true.
        unverified: what cannot be compared, such as data outside the repository at another revision.
    """

    commit: str | None
    dirty: bool
    model: str
    data: str
    params: str
    evaluation: str | None
    verdict: str | None
    predictions: str | None
    model_card: str | None
    stale: tuple[Stale, ...]
    unverified: tuple[Unverified, ...]

    @property
    def evaluated(self) -> str | None:
        """See `evaluation_digest`; None where dvc.lock does not record the evaluation whole."""
        digests = (self.evaluation, self.verdict, self.predictions, self.model_card)
        return evaluation_digest(digests) if all(digests) else None


def read(root: Path, rev: str | None = None) -> Lineage:
    """The lineage of `rev` (branch, tag, commit, HEAD~2), or of the working tree, in the repository `root`.

    Raises:
        LastroError: not a Git repository, an unknown revision, a missing or broken dvc.lock, dvc.yaml or
            params.yaml, a stage or an output that dvc.lock does not record.
        ExternalError: Git is missing or fails.
    """
    if rev is None:
        commit, dirty = git.state(root)
        return _read(WorkingTree(root), commit, dirty)
    commit = git.resolve(root, rev)
    with git.Blobs(root) as blobs:
        return _read(Revision(root, rev, commit, blobs), commit, False)


def outputs(root: Path, rev: str | None = None) -> dict[str, str | None]:
    """DVC's hash of every output that dvc.lock records, by path; at `rev`, or on disk.

    Raises:
        LastroError, ExternalError: see `read`.
    """
    if rev is None:
        source = WorkingTree(root)
        return _all_outputs(source)
    commit = git.resolve(root, rev)
    with git.Blobs(root) as blobs:
        return _all_outputs(Revision(root, rev, commit, blobs))


def _all_outputs(source: Source) -> dict[str, str | None]:
    name = f"dvc.lock{source.suffix}"
    lock = read_lock(_load(source, "dvc.lock", _FIX_LOCK), name)
    return {path: md5 for stage in lock.values() for path, md5 in stage.outs.items()}


def params_digest(params: dict[str, Any]) -> str:
    """SHA-256 of the parameters that made the model: the sections `data` and `model` of params.yaml.

    The order of keys and the difference between 1 and 1.0 don't matter, as they don't to DVC.
    """
    shaping = {key: params[key] for key in ("data", "model") if key in params}
    canonical = json.dumps(_plain(shaping), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def evaluation_digest(digests: Iterable[str]) -> str:
    """One digest of those of evaluation, verdict, predictions and model card: tells evaluations of one model apart."""
    return hashlib.md5("".join(digests).encode(), usedforsecurity=False).hexdigest()


def _read(source: Source, commit: str | None, dirty: bool) -> Lineage:
    params = _load(source, PARAMS_FILE, "mend that line")
    pipeline = _load(source, "dvc.yaml", "mend that line")
    lock_name = f"dvc.lock{source.suffix}"
    lock = read_lock(_load(source, "dvc.lock", _FIX_LOCK), lock_name)
    stages, unread = read_stages(pipeline, params, source.root, f"dvc.yaml{source.suffix}")
    stale, unverified = compare(stages, lock, source)

    paths = Paths.of(source.root)
    outs = {stage.name: _outs(stage.place, lock.get(stage.name)) for stage in stages}

    def recorded(stage: str, path: Path) -> str:
        return _recorded(outs, stage, path.relative_to(source.root).as_posix(), lock_name)

    def evaluated(path: Path) -> str | None:
        return outs.get("evaluate", {}).get(path.relative_to(source.root).as_posix())

    return Lineage(
        commit=commit,
        dirty=dirty,
        model=recorded("train", paths.model),
        data=recorded("prepare", paths.prepared),
        params=params_digest(params),
        evaluation=evaluated(paths.evaluation),
        verdict=evaluated(paths.verdict),
        predictions=evaluated(paths.predictions),
        model_card=evaluated(paths.model_card),
        stale=stale,
        unverified=(*unverified, *(Unverified(stage, why) for stage, why in unread.items())),
    )


def _load(source: Source, name: str, fix: str) -> dict[str, Any]:
    content = source.read(name)
    if content is None:
        fix = _FIX_LOCK if name == "dvc.lock" else "restore it from Git"
        raise LastroError("does not exist", where=f"{name}{source.suffix}", fix=fix)
    return load_mapping(content, f"{name}{source.suffix}", fix)


def _outs(place: Callable[[str], str], recorded: Recorded | None) -> dict[str, str | None]:
    return {place(path): md5 for path, md5 in recorded.outs.items()} if recorded else {}


def _recorded(outs: dict[str, dict[str, str | None]], stage: str, path: str, name: str) -> str:
    if stage not in outs:
        raise LastroError(f"dvc.yaml has no stage {stage}, which writes {path}", where=name, fix="restore it")
    md5 = outs[stage].get(path)
    if not md5:
        raise LastroError(f"stage {stage} records no {path}", where=name, fix=_FIX_LOCK)
    return md5


def _plain(value: Any) -> Any:
    """`value` with text for keys and whole floats as integers, so that equal parameters look equal."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
