"""DVC: its commands, run by the interpreter that runs this one; its view of a repository at any revision; its hashes."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.lineage import git

if TYPE_CHECKING:
    from dvc.repo import Repo

FOLDER_SUFFIX = ".dir"
DAMAGED = "rm {path} && dvc pull; where the remote has it damaged too, remove it there, then dvc repro --force && dvc push"
"""The fix of a file of an object store whose bytes are not what its name says."""


def run_dvc(root: Path, *arguments: str) -> int:
    """Run a DVC command and return its exit code; what it prints goes where ours goes."""
    return subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, env=environment()).returncode


def environment() -> dict[str, str]:
    """For DVC: the stages' `python` is this one, also where the environment is not activated; nothing is reported home."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}


@contextmanager
def open_repo(root: Path, commit: str | None = None, at: str = "") -> Iterator[Repo]:
    """Open the repository as DVC sees it: the files on disk, or those of a commit, which is not checked out.

    `at` says in messages which commit. Raises LastroError: whatever DVC says of the repository, its configuration or its
    files, also inside of the `with` block.
    """
    from dvc.exceptions import DvcException
    from dvc.fs import GitFileSystem
    from dvc.repo import Repo
    from dvc.scm import SCM

    logging.getLogger("dvc").setLevel(logging.ERROR)
    lost: tuple[type[Exception], ...] = ()
    try:
        if commit is None:
            repo = Repo(str(root))
        else:
            from pygit2 import GitError

            lost = (GitError,)
            scm = SCM(str(root), search_parent_directories=True)
            # The folder of the repository may lie below that of Git's.
            repo = Repo(f"/{git.prefix(root)}", fs=GitFileSystem(scm=scm, rev=commit), scm=scm)
        with repo:
            yield repo
    except DvcException as error:
        problem = " ".join(str(error).split())[:300]
        problem = f"DVC cannot read the repository: {problem}"
        raise LastroError(problem, where=f"{root}{at}", fix="`dvc status` says more") from None
    except lost as error:
        fix = "`git fsck` says what is missing"
        raise ExternalError(first_line(error), where=f"{root}{at}", fix=fix) from None


def load_index(repo: Repo, at: str) -> None:
    """Read every stage and .dvc file.

    Raises LastroError: a value is not of the kind that DVC takes for granted, such as no text in `data.source`.
    """
    try:
        assert repo.index
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        problem = f"DVC cannot make stages of it and params.yaml ({reason})"
        raise LastroError(problem, where=f"dvc.yaml{at}", fix="`dvc status` says more") from None


def first_line(error: BaseException) -> str:
    """The first line of an error of another library's, or its class where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def file_md5(path: Path) -> str:
    """Hash the file as DVC does, in pieces."""
    with path.open("rb") as file:
        # A name for content, not a safeguard, so also where a policy forbids MD5 for security.
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def folder_md5(files: Mapping[str, str]) -> str:
    """Hash a folder as DVC does: its sorted list of files. `files` maps a path relative to it (with /) to that file's hash."""
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    tree = Tree()
    for path, md5 in files.items():
        tree.add(tuple(path.split("/")), None, HashInfo("md5", md5))
    tree.digest()
    return tree.hash_info.value


def digest_of(path: Path) -> str | None:
    """Return DVC's digest of the file or folder at `path`; None if absent."""
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        return folder_md5({file.relative_to(path).as_posix(): file_md5(file) for file in files})
    return file_md5(path) if path.is_file() else None
