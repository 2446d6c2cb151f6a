"""What a commit produced, from the tracking store or from DVC: believed only with the digest that was asked for."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from lastro.core.errors import ExternalError, LastroError
from lastro.core.paths import Paths
from lastro.operations.lineage import git
from lastro.operations.lineage.dvc import DAMAGED, FOLDER_SUFFIX, digest_of, file_md5, first_line
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.tracking.store import describe

if TYPE_CHECKING:
    from dvc.repo import Repo

FOLDER = "model"
"""Where a run keeps its model."""


@dataclass(frozen=True)
class Artifact:
    """The verified model file, in a folder of the caller's, and the content of the MLmodel beside it."""

    file: Path
    description: dict[str, Any]

    @property
    def family(self) -> str:
        return self.description["metadata"]["lastro.family"]


class DamagedArtifactError(LastroError):
    """The model in the store is not the one that was logged, or a part of it is missing."""


def fetch(run: Run, model: str, folder: Path) -> Artifact:
    """Download MLmodel and the model file of the run into `folder` and check the file's MD5 against `model`.

    Raises LastroError: the file is missing, or has another digest.
    """
    commit = run.data.tags.get("lastro.commit", "REV")
    fix = f"lastro register --rev {commit} uploads it again, or restore it from the store's backup"
    try:
        content = yaml.safe_load(download(run, f"{FOLDER}/MLmodel", folder).read_text(encoding="utf-8"))
        name = f"{FOLDER}/{content['flavors']['python_function']['data']}"
        file = download(run, name, folder)
        # What is read of it later.
        _ = content["metadata"]["lastro.family"], content["signature"]
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError):
        where = _shown(run, f"{FOLDER}/MLmodel")
        raise DamagedArtifactError("is not what was logged", where=where, fix=fix) from None
    except MissingArtifactError as error:
        raise DamagedArtifactError(error.problem, where=error.where, fix=fix) from None
    found = file_md5(file)
    if found != model:
        problem = f"has MD5 {found}, dvc.lock has {model}: it was altered"
        raise DamagedArtifactError(problem, where=_shown(run, name), fix=fix)
    return Artifact(file, content)


def fetch_folder(run: Run, model: str, folder: Path) -> Path:
    """Download the whole model folder of the run into `folder`, once `fetch` has checked the model; return its path."""
    fetch(run, model, folder / "checked")
    return download(run, FOLDER, folder)


class MissingArtifactError(LastroError):
    """The store has no such file."""


def download(run: Run, path: str, folder: Path) -> Path:
    """Download one file, or folder, of a run into `folder`; return its path.

    Raises MissingArtifactError: there is no such file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # MLflow draws a progress bar on standard error.
        with contextlib.redirect_stderr(io.StringIO()):
            # By artifact_uri: with runs:/ MLflow reports a server that died as a missing file.
            return Path(download_artifacts(f"{run.info.artifact_uri}/{path}", dst_path=str(folder)))
    except (MlflowException, OSError) as error:
        where = _shown(run, path)
        if _MISSING.search(str(error)) or isinstance(error, FileNotFoundError):
            raise MissingArtifactError("is not in the tracking store", where=where) from None
        problem = f"cannot be downloaded: {describe(error)}"
        raise ExternalError(problem, where=where, fix="run the same command again") from None


_MISSING = re.compile("404 Client Error|No such file or directory|No such artifact|NoSuchKey|does not exist")


def _shown(run: Run, path: str) -> str:
    return f"runs:/{run.info.run_id}/{path}"


class NotRestoredError(LastroError):
    """Neither DVC's cache nor its remote has the content."""


def restore(root: Path, digest: str, target: Path, in_place: Path | None = None) -> Path:
    """Restore the file or folder with this digest to `target`, and return where it is.

    in_place: a path in the working copy that is returned if it has this digest. Raises NotRestoredError: DVC has it neither
    in its cache nor in its remote.
    """
    if in_place is not None and digest_of(in_place) == digest:
        return in_place
    with _quiet():
        cached = _copy_from_dvc(root, digest, target)
    if digest_of(target) != digest:
        problem = "DVC's cache holds other bytes under this name"
        raise NotRestoredError(problem, where=digest, fix=DAMAGED.format(path=cached))
    return target


def _copy_from_dvc(root: Path, digest: str, target: Path) -> str:
    from dvc.repo import Repo
    from dvc_data.hashfile import load
    from dvc_data.hashfile.hash_info import HashInfo

    try:
        with Repo(str(root)) as repo:
            files = {"": digest}
            if digest.endswith(FOLDER_SUFFIX):
                _pull(repo, [digest])
                # DVC pulls a folder's listing without its files.
                tree = load(repo.cache.local, HashInfo("md5", digest))
                files = {"/".join(key): oid.value for key, _, oid in tree}
            _pull(repo, list(files.values()))
            for name, oid in files.items():
                place = target / name if name else target
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(repo.cache.local.oid_to_path(oid), place)
            return repo.cache.local.oid_to_path(digest)
    # Each kind of remote raises errors of its own library's.
    except Exception as error:
        problem = f"is neither in DVC's cache nor in its remote ({first_line(error)})"
        raise NotRestoredError(problem, where=digest, fix="run dvc push where it was made") from None


def _pull(repo: Repo, digests: list[str]) -> None:
    from dvc_data.hashfile.hash_info import HashInfo

    missing = [md5 for md5 in digests if not Path(repo.cache.local.oid_to_path(md5)).exists()]
    if missing:
        repo.cloud.pull([HashInfo("md5", md5) for md5 in missing])


def evaluation_file(root: Path, found: Lineage, run: Run, name: str, folder: Path) -> Path:
    """Return the commit's own file of its evaluation: from the working copy, the model's run, or DVC.

    A run holds the evaluation that was recorded last, which may be another commit's. name: of the file in reports/. Raises
    LastroError: dvc.lock records no such file, or it is nowhere.
    """
    here = Paths.of(root)
    path = here.reports / name
    digest = found.recorded(here)[path]
    if digest is None:
        where = f"dvc.lock at {(found.commit or 'HEAD')[:12]}"
        problem = f"records no {path.relative_to(root).as_posix()}"
        raise LastroError(problem, where=where, fix="dvc repro, commit dvc.lock")
    if digest_of(path) == digest:
        return path
    with contextlib.suppress(MissingArtifactError):
        held = download(run, f"evaluation/{name}", folder / "run")
        if digest_of(held) == digest:
            return held
    # The model was evaluated with other parameters since.
    return restore(root, digest, folder / name)


@contextmanager
def restored_outputs(root: Path, found: Lineage) -> Iterator[Paths]:
    """Restore the outputs of the pipeline at another commit, in a temporary checkout of it.

    Raises LastroError: DVC cannot restore them, or they are not what dvc.lock records.
    """
    from dvc.api import DVCFileSystem

    with git.checkout(root, found.commit) as tree:
        here = tree / git.prefix(root)
        paths = Paths.of(here)
        try:
            with _quiet():
                source = DVCFileSystem(str(root), rev=found.commit)
                for path in (paths.prepared, paths.model, paths.training, paths.reports):
                    name = path.relative_to(here).as_posix()
                    path.parent.mkdir(parents=True, exist_ok=True)
                    source.get(name, str(path), recursive=True)
        except Exception as error:
            problem = f"DVC cannot restore them ({first_line(error)})"
            fix = "run dvc push where they were made, or check the commit out and dvc repro, then lastro register"
            raise LastroError(problem, where=f"outputs at {found.commit[:12]}", fix=fix) from None
        for path, digest in found.recorded(paths).items():
            if digest_of(path) != digest:
                where = f"{path.relative_to(here)} at {found.commit[:12]}"
                problem = f"what DVC holds is not what dvc.lock records ({digest})"
                raise LastroError(problem, where=where, fix="run dvc push where it was made")
        yield paths


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence DVC's progress bars and warnings: what matters of them is in the error."""
    logger = logging.getLogger("dvc")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        # A real file: some libraries write to standard error in any case, and fail if there is none.
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            yield
    finally:
        logger.setLevel(level)
