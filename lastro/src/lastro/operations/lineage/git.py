"""Git plumbing: what a revision is and what it holds; never a checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lastro.core.errors import ExternalError, LastroError


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


def links(root: Path, commit: str) -> list[str]:
    """Every link and submodule below `root` in `commit`, by its path relative to `root`."""
    lines = _git(root, "ls-tree", "-r", "-z", commit).split(b"\0")
    return [os.fsdecode(line.split(b"\t", 1)[1]) for line in lines if line.startswith((b"120000", b"160000"))]


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
