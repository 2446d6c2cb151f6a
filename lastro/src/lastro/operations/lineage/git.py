"""Ask Git: what a revision is and holds, who, which branch, which tag; merge, and a checkout apart.

Git that is missing, or that fails where no answer is foreseen, is an ExternalError everywhere here.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lastro.core.errors import ExternalError, LastroError

LOCK = "dvc.lock"


class _RefusedError(ExternalError):
    """Git ended with an error; the message is Git's, and empty where Git was asked to be quiet."""


def attempt(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a Git command whose exit code is an answer."""
    # English messages, no prompt for a partial clone's password, no lock that a commit next door would meet.
    env = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, env=env)
    except FileNotFoundError:
        raise ExternalError("not found on the PATH", where="git", fix="install Git") from None


def _git(root: Path, *arguments: str) -> bytes:
    done = attempt(root, *arguments)
    if done.returncode == 0:
        return done.stdout
    said = next(iter(_stderr(done).splitlines()), "").removeprefix("fatal: ")
    if said.startswith("not a git repository"):
        fix = "clone the repository, or run `git init` in it"
        raise LastroError("is not in a Git repository", where=root, fix=fix)
    raise _RefusedError(f"git {arguments[0]} failed: {said}", where=root) if said else _RefusedError


def line(root: Path, *arguments: str) -> str:
    """Return what a Git command prints, without the space around it; empty where it fails."""
    done = attempt(root, *arguments)
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def _stderr(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode(errors="replace").strip()


def state(root: Path) -> tuple[str | None, bool]:
    """Return HEAD's commit (None before the first one), and whether a tracked file differs from it.

    Raises LastroError: `root` is not in a Git repository.
    """
    lines = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no").decode().splitlines()
    commit = next(line.split()[2] for line in lines if line.startswith("# branch.oid "))
    dirty = any(not line.startswith("#") for line in lines)
    return (None if commit == "(initial)" else commit), dirty


def resolve(root: Path, rev: str) -> str:
    """Return the full name of the commit that `rev` (branch, tag, short name, HEAD~2) stands for.

    Raises LastroError: there is no such commit, or `root` is not in a Git repository.
    """
    try:
        if not rev or "\0" in rev:
            raise _RefusedError
        # Without --end-of-options a revision that starts with a dash would be read as an option.
        found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    except _RefusedError as error:
        said = f" ({error})" if str(error) else ""
        fix = "`git log` and `git tag` list those it has, `git fetch --tags` brings those of the remote"
        raise LastroError(
            f"this repository has no such commit{said}", where=f"revision {rev!r}", fix=fix
        ) from None
    return found.decode().strip()


def links(root: Path, commit: str) -> list[str]:
    """List every link and submodule below `root` in `commit`, by its path relative to `root`."""
    lines = _git(root, "ls-tree", "-r", "-z", commit).split(b"\0")
    return [os.fsdecode(line.split(b"\t", 1)[1]) for line in lines if line.startswith((b"120000", b"160000"))]


def who(root: Path) -> str:
    """Return who acts: the GitHub actor in a workflow, otherwise Git's user, otherwise the system's."""
    name = os.environ.get("GITHUB_ACTOR") or line(root, "config", "user.name")
    try:
        return name or line(root, "config", "user.email") or getpass.getuser()
    except (KeyError, OSError):
        # A container's user need not have a name.
        return f"uid {os.getuid()}"


def has_tag(root: Path, tag: str) -> bool:
    return attempt(root, "show-ref", "--verify", "--quiet", f"refs/tags/{tag}").returncode == 0


def default_branches(root: Path, chosen: str | None = None) -> dict[str, str]:
    """Find the branch that releases come from, as the remote has it and as this clone has it, so far as they exist.

    It is the one chosen, or else the remote's default, or else main; by its name for people the full one, since a tag may
    have the short one too. Raises LastroError: there is no such branch.
    """
    head = line(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    name = (chosen or head or "main").removeprefix("origin/")
    # The second one: the branch of a remote that is not called origin.
    refs = (f"refs/remotes/origin/{name}", f"refs/remotes/{name}", f"refs/heads/{name}")
    found = {
        ref.removeprefix("refs/remotes/").removeprefix("refs/heads/"): ref
        for ref in refs
        if attempt(root, "rev-parse", "--verify", "--quiet", ref).returncode == 0
    }
    if not found:
        fix = "git fetch origin, or name the default branch with --branch"
        raise LastroError(f"no branch {name}", where=root, fix=fix)
    return found


def is_ancestor(root: Path, commit: str, of: str) -> bool:
    """Return whether `commit` is `of` or comes before it; False where one is unknown here."""
    return attempt(root, "merge-base", "--is-ancestor", "--end-of-options", commit, of).returncode == 0


def merge_base(root: Path, other: str) -> str:
    """Return the commit at which HEAD's history left that of `other`; LastroError if this clone has none."""
    found = line(root, "merge-base", "--end-of-options", "HEAD", other)
    if not found:
        fix = "git fetch origin, with --unshallow where history is missing"
        raise LastroError("has no commit in common with HEAD here", where=other, fix=fix)
    return found


def show(root: Path, commit: str, path: str) -> str:
    """Return the text of a file of a commit; LastroError if the commit has no such file."""
    done = attempt(root, "show", "--end-of-options", f"{commit}:./{path}")
    if done.returncode:
        raise LastroError("does not exist", where=f"{path} at {commit[:12]}", fix="restore it from Git")
    return done.stdout.decode(errors="replace")


@contextmanager
def checkout(root: Path, commit: str) -> Iterator[Path]:
    """Make a temporary working copy of the commit beside the repository's own, and remove it in the end."""
    with tempfile.TemporaryDirectory(prefix="lastro-checkout-") as above:
        folder = Path(above) / "tree"
        done = attempt(root, "worktree", "add", "--detach", "--quiet", str(folder), commit)
        if done.returncode:
            raise ExternalError(f"git worktree failed: {_stderr(done).splitlines()[-1]}", where=root)
        try:
            yield folder
        finally:
            attempt(root, "worktree", "remove", "--force", str(folder))


def recorded_at(root: Path, model: str) -> str | None:
    """Return the first commit of any branch or tag whose dvc.lock brought in this digest; None if there is none."""
    # The lock names a digest where a stage writes the file and where the next one reads it: -S sees both come and go.
    found = line(root, "log", "--all", "--reverse", "--format=%H", f"-S{model}", "--", LOCK)
    return next(iter(found.split()), None)


def subject(root: Path, commit: str) -> str:
    """Return the commit's day, author and first line; empty where this clone lacks it."""
    return line(root, "show", "--no-patch", "--format=%cs, %an: %s", "--end-of-options", commit)


def committed_at(root: Path, commit: str) -> str:
    """Return when it was committed, in ISO 8601."""
    return line(root, "show", "--no-patch", "--format=%cI", "--end-of-options", commit)


def prefix(root: Path) -> str:
    """Return the path from the top of the Git repository to `root`: empty, or with a slash at the end."""
    return line(root, "rev-parse", "--show-prefix")


def merge(root: Path, rev: str) -> tuple[str, bool]:
    """Merge a branch of which at most dvc.lock conflicts, and commit: the pipeline writes that file, not a person.

    Returns:
        The commit merged in, and whether dvc.lock is to be brought up to date now.

    Raises:
        LastroError: there are changes that are not committed, or other files conflict: nothing is changed then.
    """
    commit, dirty = state(root)
    if commit is None or dirty:
        raise LastroError(
            "the working copy has changes that are not committed", fix="git commit or git stash, then merge"
        )
    other, path = resolve(root, rev), f"{prefix(root)}{LOCK}"
    done = attempt(root, "merge", "--quiet", "--no-edit", "--end-of-options", other)
    if done.returncode == 0:
        return other, False
    names = sorted(filter(None, line(root, "diff", "--name-only", "-z", "--diff-filter=U").split("\0")))
    # Relative to the top of the repository, as Git lists them.
    if names != [path]:
        attempt(root, "merge", "--abort")
        what = f"conflicts in {', '.join(names)}" if names else _stderr(done)[-300:]
        raise LastroError(what, where=rev, fix=f"nothing was changed: git merge {rev}, and fix it by hand")
    for arguments in (
        ("checkout", "--theirs", "--", LOCK),
        ("add", "--", LOCK),
        ("commit", "--quiet", "--no-edit"),
    ):
        step = attempt(root, *arguments)
        if step.returncode:
            attempt(root, "merge", "--abort")
            raise LastroError(_stderr(step)[-300:], where=f"git {arguments[0]}")
    return other, True
