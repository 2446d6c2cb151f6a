"""What is asked of Git beside the lineage: who, which branch, which tag, which commit, and a checkout apart."""

from __future__ import annotations

import getpass
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.lineage.git import attempt


def who(root: Path) -> str:
    """Who acts: the GitHub actor in a workflow, otherwise Git's user, otherwise the system's."""
    actor = os.environ.get("GITHUB_ACTOR")
    if actor:
        return actor
    name, mail = (_text(attempt(root, "config", "--get", key)).strip() for key in ("user.name", "user.email"))
    try:
        return name or mail or getpass.getuser()
    except (KeyError, OSError):
        # A container's user need not have a name.
        return f"uid {os.getuid()}"


def has_tag(root: Path, tag: str) -> bool:
    """Whether the repository has this Git tag."""
    return attempt(root, "show-ref", "--verify", "--quiet", f"refs/tags/{tag}").returncode == 0


def default_branches(root: Path, chosen: str | None = None) -> dict[str, str]:
    """The branch that releases come from, as the remote has it and then as this clone has it, so far as they exist.

    Its name for people, and its full one: a tag may have the short one too. It is the one chosen, or else the remote's
    default, or else main.

    Raises:
        LastroError: there is none of these.
    """
    head = _text(attempt(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")).strip()
    name = (chosen or head or "main").removeprefix("origin/")
    # The second one: the branch of a remote that is not called origin.
    refs = (f"refs/remotes/origin/{name}", f"refs/remotes/{name}", f"refs/heads/{name}")
    found = {
        ref.removeprefix("refs/remotes/").removeprefix("refs/heads/"): ref
        for ref in refs
        if attempt(root, "rev-parse", "--verify", "--quiet", ref).returncode == 0
    }
    if not found:
        raise LastroError(
            f"no branch {name}", where=root, fix="git fetch origin, or name the default branch with --branch"
        )
    return found


def is_ancestor(root: Path, commit: str, of: str) -> bool:
    """Whether `commit` is `of` or comes before it; False where one is unknown here."""
    return attempt(root, "merge-base", "--is-ancestor", "--end-of-options", commit, of).returncode == 0


def merge_base(root: Path, other: str) -> str:
    """The commit at which HEAD's history left that of `other`.

    Raises:
        LastroError: there is none, or this clone does not reach back to it.
    """
    done = attempt(root, "merge-base", "--end-of-options", "HEAD", other)
    if done.returncode:
        raise LastroError(
            "has no commit in common with HEAD here",
            where=other,
            fix="git fetch origin, with --unshallow where history is missing",
        )
    return _text(done).strip()


def show(root: Path, commit: str, path: str) -> str:
    """The text of a file of a commit.

    Raises:
        LastroError: the commit has no such file.
    """
    done = attempt(root, "show", "--end-of-options", f"{commit}:./{path}")
    if done.returncode:
        raise LastroError("does not exist", where=f"{path} at {commit[:12]}", fix="restore it from Git")
    return _text(done)


@contextmanager
def checkout(root: Path, commit: str) -> Iterator[Path]:
    """A temporary working copy of the commit beside the repository's own, removed in the end.

    Raises:
        ExternalError: Git cannot make it.
    """
    with tempfile.TemporaryDirectory(prefix="lastro-checkout-") as above:
        folder = Path(above) / "tree"
        done = attempt(root, "worktree", "add", "--detach", "--quiet", str(folder), commit)
        if done.returncode:
            raise ExternalError(
                f"git worktree failed: {done.stderr.decode(errors='replace').strip().splitlines()[-1]}",
                where=root,
            )
        try:
            yield folder
        finally:
            attempt(root, "worktree", "remove", "--force", str(folder))


def recorded_at(root: Path, model: str) -> str | None:
    """The first commit of any branch or tag whose dvc.lock brought in this digest; None if there is none."""
    # The lock names a digest where a stage writes the file and where the next one reads it: -S sees both come and go.
    done = attempt(root, "log", "--all", "--reverse", "--format=%H", f"-S{model}", "--", "dvc.lock")
    return next(iter(_text(done).split()), None)


def subject(root: Path, commit: str) -> str:
    """Its day, author and first line; empty where this clone lacks it."""
    return _text(
        attempt(root, "show", "--no-patch", "--format=%cs, %an: %s", "--end-of-options", commit)
    ).strip()


def committed_at(root: Path, commit: str) -> str:
    """When it was committed, in ISO 8601."""
    return _text(attempt(root, "show", "--no-patch", "--format=%cI", "--end-of-options", commit)).strip()


def prefix(root: Path) -> str:
    """The path from the top of the Git repository to `root`: empty, or with a slash at the end."""
    return _text(attempt(root, "rev-parse", "--show-prefix")).strip()


def _text(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""
