"""Git plumbing: what a revision is, what it holds, and the bytes of a blob; never a checkout."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lastro.core.errors import ExternalError, LastroError

CHUNK = 1 << 20

REGULAR, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"


class Entry(NamedTuple):
    """A line of `git ls-tree`."""

    mode: str
    oid: str


def state(root: Path) -> tuple[str | None, bool]:
    """HEAD's commit (None before the first one), and whether a tracked file differs from it.

    Raises:
        LastroError: `root` is not in a Git repository.
        ExternalError: Git is missing or refuses.
    """
    lines = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no").decode().splitlines()
    commit = next(line.split()[2] for line in lines if line.startswith("# branch.oid "))
    dirty = any(not line.startswith("#") for line in lines)
    return (None if commit == "(initial)" else commit), dirty


def resolve(root: Path, rev: str) -> str:
    """The full name of the commit that `rev` (branch, tag, short name, HEAD~2) stands for.

    Raises:
        LastroError: there is no such commit, or `root` is not in a Git repository.
        ExternalError: Git is missing or refuses.
    """
    try:
        if not rev or "\0" in rev:
            raise _RefusedError
        # Without --end-of-options a revision that starts with a dash would be read as an option.
        found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    except _RefusedError as error:
        said = f" ({error})" if str(error) else ""
        raise LastroError(
            f"this repository has no such commit{said}",
            where=f"revision {rev!r}",
            fix="`git log` and `git tag` list those it has, `git fetch --tags` brings those of the remote",
        ) from None
    return found.decode().strip()


def tree(root: Path, commit: str) -> dict[str, Entry]:
    """Every file below `root` in `commit`, by its path relative to `root`."""
    entries = {}
    for line in _git(root, "ls-tree", "-r", "-z", commit).split(b"\0")[:-1]:
        head, path = line.split(b"\t", 1)
        mode, _, oid = head.decode().split()
        entries[os.fsdecode(path)] = Entry(mode, oid)
    return entries


class Blobs:
    """One `git cat-file --batch`, asked for one blob after the other. Use as a context manager."""

    def __init__(self, root: Path):
        self._process = subprocess.Popen(
            ["git", "-C", str(root), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._ask, self._answer = self._process.stdin, self._process.stdout

    def __enter__(self) -> Blobs:
        return self

    def __exit__(self, *_: object) -> None:
        # Killed, not waited for: it may be in the middle of a blob that nobody will read.
        self._process.kill()
        self._process.communicate()

    def copy(self, oid: str, sink: Callable[[bytes], object]) -> None:
        """Hand the blob's bytes to `sink`, piece by piece.

        Raises:
            ExternalError: the object is not in the repository (a damaged or partial clone).
        """
        lost = ExternalError(
            "cannot be read", where=f"git object {oid}", fix="`git fsck` says what else is missing"
        )
        try:
            self._ask.write(f"{oid}\n".encode())
            self._ask.flush()
        except BrokenPipeError:
            raise lost from None
        header = self._answer.readline().split()
        if len(header) != 3:
            raise lost
        left = int(header[2])
        while left:
            piece = self._answer.read(min(left, CHUNK))
            if not piece:
                raise lost
            sink(piece)
            left -= len(piece)
        self._answer.read(1)

    def read(self, oid: str) -> bytes:
        """The whole blob; see `copy`."""
        pieces: list[bytes] = []
        self.copy(oid, pieces.append)
        return b"".join(pieces)


class _RefusedError(ExternalError):
    """Git ended with an error; the message is Git's, and empty where Git was asked to be quiet."""


def attempt(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a Git command whose exit code is an answer.

    Raises:
        ExternalError: Git is missing.
    """
    try:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, env=_environment())
    except FileNotFoundError:
        raise ExternalError("not found on the PATH", where="git", fix="install Git") from None


def _git(root: Path, *arguments: str) -> bytes:
    done = attempt(root, *arguments)
    if done.returncode == 0:
        return done.stdout
    said = next(iter(done.stderr.decode(errors="replace").splitlines()), "").removeprefix("fatal: ")
    if said.startswith("not a git repository"):
        raise LastroError(
            "is not in a Git repository", where=root, fix="clone the repository, or run `git init` in it"
        )
    raise _RefusedError(f"git {arguments[0]} failed: {said}", where=root) if said else _RefusedError


def _environment() -> dict[str, str]:
    # English messages, no prompt for a partial clone's password, no lock that a commit next door would meet.
    return {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
