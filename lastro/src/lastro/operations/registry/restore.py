"""Restore content from DVC by its digest or by the commit that recorded it, and check its digest."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.entities import Run

from lastro.core.errors import LastroError
from lastro.core.paths import Paths
from lastro.operations.lineage import git
from lastro.operations.lineage.dvc import FOLDER_SUFFIX, digest_of, first_line
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import artifact

if TYPE_CHECKING:
    from dvc.repo import Repo


class NotRestoredError(LastroError):
    """Neither DVC's cache nor its remote has the content."""


def restore(root: Path, digest: str, target: Path, in_place: Path | None = None) -> Path:
    """Restore the file or folder with this digest to `target`, and return where it is.

    in_place: a path in the working copy that is returned if it has this digest.

    Raises:
        NotRestoredError: DVC has it neither in its cache nor in its remote.
    """
    if in_place is not None and digest_of(in_place) == digest:
        return in_place
    with _quiet():
        _copy_from_dvc(root, digest, target)
    if digest_of(target) != digest:
        raise NotRestoredError(
            "DVC's cache holds other bytes under this name", where=digest, fix="dvc gc, then dvc pull"
        )
    return target


def _copy_from_dvc(root: Path, digest: str, target: Path) -> None:
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
    # Each kind of remote raises errors of its own library's.
    except Exception as error:
        raise NotRestoredError(
            f"is neither in DVC's cache nor in its remote ({first_line(error)})",
            where=digest,
            fix="run dvc push where it was made",
        ) from None


def _pull(repo: Repo, digests: list[str]) -> None:
    """Pull from the remote what the cache lacks."""
    from dvc_data.hashfile.hash_info import HashInfo

    missing = [md5 for md5 in digests if not Path(repo.cache.local.oid_to_path(md5)).exists()]
    if missing:
        repo.cloud.pull([HashInfo("md5", md5) for md5 in missing])


def recorded(paths: Paths, found: Lineage) -> dict[Path, str | None]:
    """Return the paths of the outputs that a run records, with their digests in the commit's dvc.lock."""
    return {
        paths.prepared: found.data,
        paths.model: found.model,
        paths.evaluation: found.evaluation,
        paths.verdict: found.verdict,
        paths.predictions: found.predictions,
        paths.model_card: found.model_card,
    }


def evaluation_file(root: Path, found: Lineage, run: Run, name: str, folder: Path) -> Path:
    """Return the commit's own file of its evaluation: from the working copy, the model's run, or DVC.

    A run holds the evaluation that was recorded last, which may be another commit's. name: of the file in reports/.

    Raises:
        LastroError: dvc.lock records no such file, or it is nowhere.
        ExternalError: the store does not answer.
    """
    here = Paths.of(root)
    path = here.reports / name
    digest = recorded(here, found)[path]
    if digest is None:
        raise LastroError(
            f"records no {path.relative_to(root).as_posix()}",
            where=f"dvc.lock at {(found.commit or 'HEAD')[:12]}",
            fix="dvc repro, commit dvc.lock",
        )
    if digest_of(path) == digest:
        return path
    with contextlib.suppress(artifact.MissingArtifactError):
        held = artifact.download(run, f"evaluation/{name}", folder / "run")
        if digest_of(held) == digest:
            return held
    # The model was evaluated with other parameters since.
    return restore(root, digest, folder / name)


@contextmanager
def restored_outputs(root: Path, found: Lineage) -> Iterator[Paths]:
    """Restore the outputs of the pipeline at another commit, in a temporary checkout of it.

    Raises:
        LastroError: DVC cannot restore them, or they are not what dvc.lock records.
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
            raise LastroError(
                f"DVC cannot restore them ({first_line(error)})",
                where=f"outputs at {found.commit[:12]}",
                fix="run dvc push where they were made, or check the commit out and dvc repro, then lastro register",
            ) from None
        for path, digest in recorded(paths, found).items():
            if digest_of(path) != digest:
                raise LastroError(
                    f"what DVC holds is not what dvc.lock records ({digest})",
                    where=f"{path.relative_to(here)} at {found.commit[:12]}",
                    fix="run dvc push where it was made",
                )
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
