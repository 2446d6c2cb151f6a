"""Where a model comes from: the commit, data, parameters and code behind it, at any revision.

The only reader of dvc.lock and the only caller of Git. DVC reads the files, at a revision too: nothing is checked out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lastro.core.errors import LastroError
from lastro.core.paths import Paths
from lastro.core.yaml12 import load_mapping
from lastro.operations.lineage import git
from lastro.operations.lineage.dvc import load_index, open_repo
from lastro.operations.lineage.outdated import Comparison, Outdated, Unverified

if TYPE_CHECKING:
    from dvc.repo import Repo

REPORTS = ("evaluation", "verdict", "predictions", "model_card")
"""The files of an evaluation, as attributes of Paths and of Lineage."""
FILES = ("params.yaml", "dvc.yaml", "dvc.lock")
_FIX_LOCK = "run `dvc repro` and commit dvc.lock"


@dataclass(frozen=True)
class Lineage:
    """What stands behind the model of a revision, and whether dvc.lock is up to date.

    Attributes:
        commit: the full name of the commit; for the working tree HEAD's, None before the first commit.
        dirty: tracked files differ from `commit`; only ever true of the working tree.
        model: MD5 of the model file. The key that joins commit, run, version and image.
        data: DVC's hash of the prepared data, with `.dir` at the end.
        params: see `params_digest`.
        evaluation, verdict, predictions, model_card: MD5 of each of these files; None if dvc.lock records none.
        outdated: what changed since the lock was written. Empty: the lock is up to date.
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
    outdated: tuple[Outdated, ...]
    unverified: tuple[Unverified, ...]

    @property
    def evaluated(self) -> str | None:
        """See `evaluation_digest`; None where dvc.lock does not record the evaluation whole."""
        digests = [getattr(self, name) for name in REPORTS]
        return evaluation_digest(digests) if all(digests) else None

    def recorded(self, paths: Paths) -> dict[Path, str | None]:
        """Return the paths of the outputs that a run records, with their digests in the commit's dvc.lock."""
        reports = {getattr(paths, name): getattr(self, name) for name in REPORTS}
        return {paths.prepared: self.data, paths.model: self.model, **reports}


def read(root: Path, rev: str | None = None) -> Lineage:
    """Read the lineage of `rev` (branch, tag, commit, HEAD~2), or of the working tree, in the repository `root`.

    Raises LastroError: not a Git repository, an unknown revision, a missing or broken dvc.lock, dvc.yaml or params.yaml, a
    stage or an output that dvc.lock does not record. Raises ExternalError: Git is missing or fails.
    """
    commit, dirty = git.state(root) if rev is None else (git.resolve(root, rev), False)
    at = f" at {rev}" if rev else ""
    with _opened(root, commit if rev else None, at) as (repo, files):
        pipeline = repo.fs.join(repo.root_dir, "dvc.yaml")
        stages = [stage for stage in repo.index.stages if stage.path == pipeline]
        links = git.links(root, commit) if rev else None
        found = list(Comparison(repo, files["dvc.lock"].get("stages", {}), links).run(stages))
        outs = _outputs(repo)

    paths = Paths.of(root)

    def recorded(stage: str, path: Path) -> str | None:
        return outs.get(stage, {}).get(path.relative_to(root).as_posix())

    def needed(stage: str, path: Path) -> str:
        md5 = recorded(stage, path)
        if stage not in outs:
            problem = f"there is no stage {stage}, which writes {path.relative_to(root)}"
            raise LastroError(problem, where=f"dvc.yaml{at}", fix="restore it")
        if md5 is None:
            problem = f"stage {stage} records no {path.relative_to(root)}"
            raise LastroError(problem, where=f"dvc.lock{at}", fix=_FIX_LOCK)
        return md5

    return Lineage(
        commit=commit,
        dirty=dirty,
        model=needed("train", paths.model),
        data=needed("prepare", paths.prepared),
        params=params_digest(files["params.yaml"]),
        **{name: recorded("evaluate", getattr(paths, name)) for name in REPORTS},
        outdated=tuple(item for item in found if isinstance(item, Outdated)),
        unverified=tuple(item for item in found if isinstance(item, Unverified)),
    )


def outputs(root: Path, rev: str | None = None) -> dict[str, dict[str, str | None]]:
    """Return DVC's hash of every output that dvc.lock records, by stage and path; at `rev`, or on disk. Raises as `read`."""
    with _opened(root, git.resolve(root, rev) if rev else None, f" at {rev}" if rev else "") as (repo, _):
        return _outputs(repo)


def _outputs(repo: Repo) -> dict[str, dict[str, str | None]]:
    place = repo.fs.relpath
    return {
        stage.name: {place(out.fs_path, repo.root_dir): out.hash_info.value for out in stage.outs}
        for stage in repo.index.stages
        if not stage.is_data_source
    }


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


@contextmanager
def _opened(root: Path, commit: str | None, at: str) -> Iterator[tuple[Repo, dict[str, dict[str, Any]]]]:
    """DVC's repository, and its three files; read first, for a message that names the line that is wrong."""
    with open_repo(root, commit, at) as repo:
        files = {name: _load(repo, name, at) for name in FILES}
        load_index(repo, at)
        yield repo, files


def _load(repo: Repo, name: str, at: str) -> dict[str, Any]:
    own = _FIX_LOCK if name == "dvc.lock" else ""
    try:
        content = repo.fs.cat_file(repo.fs.join(repo.root_dir, name))
    except FileNotFoundError:
        raise LastroError("does not exist", where=f"{name}{at}", fix=own or "restore it from Git") from None
    return load_mapping(content, f"{name}{at}", own or "fix that line")


def _plain(value: Any) -> Any:
    """`value` with text for keys and whole floats as integers, so that equal parameters look equal."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
