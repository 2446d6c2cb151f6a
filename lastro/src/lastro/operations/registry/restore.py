"""Content that DVC holds, by its digest or by the commit that recorded it, and believed only with the right digest."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lastro.core.errors import LastroError
from lastro.core.paths import Paths
from lastro.operations.lineage import repository
from lastro.operations.lineage.hashes import FOLDER_SUFFIX, file_md5, folder_md5
from lastro.operations.lineage.lineage import Lineage

if TYPE_CHECKING:
    from dvc.repo import Repo


class NotRestoredError(LastroError):
    """Neither DVC's cache nor its remote has the content."""


def digest_of(path: Path) -> str | None:
    """DVC's digest of what lies at `path`; None if nothing does."""
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        return folder_md5({file.relative_to(path).as_posix(): file_md5(file) for file in files})
    return file_md5(path) if path.is_file() else None


def restore(root: Path, digest: str, target: Path, at_hand: Path | None = None) -> Path:
    """Bring the file or folder with this digest to `target`, or name the place where it lies already.

    at_hand: where it may lie in the working copy.

    Raises:
        NotRestoredError: DVC has it neither in its cache nor in its remote.
    """
    if at_hand is not None and digest_of(at_hand) == digest:
        return at_hand
    with _quiet():
        _from_dvc(root, digest, target)
    if digest_of(target) != digest:
        raise NotRestoredError(
            "DVC's cache holds other bytes under this name", where=digest, fix="dvc gc, then dvc pull"
        )
    return target


def _from_dvc(root: Path, digest: str, target: Path) -> None:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc_objects.errors import ObjectFormatError

    try:
        with Repo(str(root)) as repo:
            files = {"": digest}
            if digest.endswith(FOLDER_SUFFIX):
                _bring(repo, [digest])
                files = _listed(repo, digest)
            # A folder's listing comes without its files.
            _bring(repo, list(files.values()))
            for name, oid in files.items():
                place = target / name if name else target
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(repo.cache.local.oid_to_path(oid), place)
    except Exception as error:
        # Each kind of remote raises errors of its own library's.
        if (
            not isinstance(error, (DvcException, OSError, ObjectFormatError))
            and "dvc" not in type(error).__module__
        ):
            reason = f"{type(error).__name__}: {error}"
        else:
            reason = str(error)
        first = (reason.strip().splitlines() or [""])[0]
        raise NotRestoredError(
            f"is neither in DVC's cache nor in its remote ({first})",
            where=digest,
            fix="run dvc push where it was made",
        ) from None


def _bring(repo: Repo, digests: list[str]) -> None:
    """From the remote into the cache, so far as the cache lacks them."""
    from dvc_data.hashfile.hash_info import HashInfo

    missing = [md5 for md5 in digests if not Path(repo.cache.local.oid_to_path(md5)).exists()]
    if missing:
        repo.cloud.pull([HashInfo("md5", md5) for md5 in missing])


def _listed(repo: Repo, digest: str) -> dict[str, str]:
    """The files of a folder by their path in it."""
    from dvc_data.hashfile import load
    from dvc_data.hashfile.hash_info import HashInfo

    tree = load(repo.cache.local, HashInfo("md5", digest))
    return {"/".join(key): oid.value for key, _, oid in tree}


def recorded(paths: Paths, found: Lineage) -> dict[Path, str | None]:
    """Where the outputs that make up a run lie below `paths`, and the digests that the commit's dvc.lock records."""
    return {
        paths.prepared: found.data,
        paths.model: found.model,
        paths.evaluation: found.evaluation,
        paths.verdict: found.verdict,
        paths.predictions: found.predictions,
        paths.model_card: found.model_card,
    }


@contextmanager
def restored_outputs(root: Path, found: Lineage) -> Iterator[Paths]:
    """The outputs of the pipeline at another commit, in a temporary checkout of it.

    Raises:
        LastroError: DVC cannot bring them back, or they are not what dvc.lock records.
    """
    from dvc.api import DVCFileSystem

    with repository.checkout(root, found.commit) as tree:
        here = tree / repository.prefix(root)
        paths = Paths.of(here)
        try:
            with _quiet():
                source = DVCFileSystem(str(root), rev=found.commit)
                for path in (paths.prepared, paths.model, paths.training, paths.reports):
                    name = path.relative_to(here).as_posix()
                    path.parent.mkdir(parents=True, exist_ok=True)
                    source.get(name, str(path), recursive=True)
        except Exception as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise LastroError(
                f"DVC cannot bring them back ({first})",
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
    """Without DVC's progress bars and warnings: what matters of them is in the error."""
    logger = logging.getLogger("dvc")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        # A file: some of what DVC calls writes to standard error whatever it is told, and fails where there is none.
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            yield
    finally:
        logger.setLevel(level)
