"""Commit files to a branch of origin with the job's token.

Commits are made from Git objects, so that no code of the branch runs. The token is given to one command, in its
environment; it stays in no file and in no argument.
"""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import yaml

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.lineage import git

LOCK = "dvc.lock"
MAXIMUM_LOCK_BYTES = 5_000_000
BOT = {"NAME": "github-actions[bot]", "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com"}
"""The author of a workflow's commits: GitHub's own account for them."""


class MovedError(LastroError):
    """The branch is no longer where it was when the work began."""

    def __init__(self, branch: str) -> None:
        fix = "the run for that push brings its own dvc.lock"
        super().__init__("was pushed to meanwhile", where=branch, fix=fix)


class LockCommit(NamedTuple):
    """The commit at which the branch has this dvc.lock, and whether it was made now."""

    commit: str
    made: bool


def commit_lock(root: Path, head: str, branch: str, lock: bytes, base: str | None = None) -> LockCommit:
    """Commit dvc.lock onto `head`, and move the branch of origin from there to it.

    A lock that is up to date makes no commit, and neither does a second run. base: the commit of the default branch that
    is merged in the same commit; nothing but dvc.lock may conflict.

    Raises:
        MovedError: the branch is no longer at `head`.
        LastroError: what is to be committed is no dvc.lock, or more than dvc.lock conflicts.
    """
    try:
        content = yaml.safe_load(lock) if len(lock) <= MAXIMUM_LOCK_BYTES else None
    except yaml.YAMLError:
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("stages"), dict):
        raise LastroError("what the pipeline left is no dvc.lock", where=LOCK, fix="run dvc repro")
    path = f"{git.prefix(root)}{LOCK}"
    fetch(root, f"+refs/heads/{branch}:refs/lastro/branch")
    found = git.resolve(root, "refs/lastro/branch")
    merged = None if base is None or git.is_ancestor(root, base, head) else base
    parents = [head, merged] if merged else [head]
    if found != head:
        # An earlier attempt made this very commit: a no-op.
        if git.line(root, "rev-parse", f"{found}^@").split() == parents and blob(root, found, path) == lock:
            return LockCommit(found, False)
        raise MovedError(branch)
    tree = head
    if merged:
        tree, names = conflicts(root, head, merged)
        if set(names) - {path}:
            fix = "merge by hand: lastro merge"
            raise LastroError(f"conflicts in {', '.join(names)}", where=branch, fix=fix)
    elif blob(root, head, path) == lock:
        return LockCommit(head, False)
    what = "Merge the default branch; " if merged else ""
    message = f"{what}dvc.lock as the pipeline leaves it at {head[:12]}\n"
    commit = commit_files(root, tree, parents, {path: lock}, message)
    push(root, commit, branch, head)
    return LockCommit(commit, True)


def blob(root: Path, commit: str, path: str) -> bytes | None:
    """Read a file of a commit; None where it has none."""
    done = git.attempt(root, "cat-file", "blob", f"{commit}:{path}")
    return done.stdout if done.returncode == 0 else None


def commit_files(
    root: Path, tree: str, parents: list[str], files: dict[str, bytes | None], message: str
) -> str:
    """Make a commit of the tree with these files in it, or without those that are None. tree: also a commit that has it."""
    env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in BOT.items()}
    with tempfile.TemporaryDirectory(prefix="lastro-lock-") as folder:
        env["GIT_INDEX_FILE"] = str(Path(folder) / "index")
        _git(root, "read-tree", tree, env=env)
        for path, content in files.items():
            if content is None:
                _git(root, "update-index", "--force-remove", "--", path, env=env)
                continue
            oid = _git(root, "hash-object", "-w", "--stdin", content=content)
            # A conflicting file is in the merged tree with its markers; it is replaced whole.
            _git(root, "update-index", "--add", "--cacheinfo", f"100644,{oid},{path}", env=env)
        written = _git(root, "write-tree", env=env)
    named = [word for parent in parents for word in ("-p", parent)]
    return _git(root, "commit-tree", written, *named, content=message.encode(), env=env)


def conflicts(root: Path, ours: str, theirs: str) -> tuple[str, list[str]]:
    """Merge two commits without a checkout; the tree of the merge, and the files that conflict in it."""
    done = git.attempt(root, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
    if done.returncode not in (0, 1):
        raise ExternalError(f"failed: {_last_line(done)}", where=f"git merge-tree {ours[:12]} {theirs[:12]}")
    tree, *names = done.stdout.decode(errors="replace").split("\0")
    return tree, sorted({name for name in names if name})


def fetch(root: Path, *refspecs: str) -> None:
    """Fetch refs from origin."""
    _git(root, "fetch", "--quiet", "--no-tags", "origin", *refspecs, env=_credentials())


def tip(root: Path, branch: str) -> str | None:
    """Find the commit at which origin has the branch now; None where it has none."""
    found = _git(root, "ls-remote", "--quiet", "origin", f"refs/heads/{branch}", env=_credentials())
    return found.split()[0] if found else None


def push(root: Path, commit: str, branch: str, expected: str) -> None:
    """Move origin's branch from `expected` to `commit`, or leave it alone. expected: empty for a new branch.

    Raises:
        MovedError: the branch is elsewhere: somebody pushed meanwhile.
    """
    ref = f"refs/heads/{branch}"
    lease = f"--force-with-lease={ref}:{expected}"
    try:
        _git(root, "push", "--quiet", lease, "origin", f"{commit}:{ref}", env=_credentials())
    except ExternalError:
        if (tip(root, branch) or "") != expected:
            raise MovedError(branch) from None
        raise


def _credentials() -> dict[str, str]:
    """Return the environment in which Git authenticates as actions/checkout lets it, for one command only."""
    token, server = os.environ.get("GITHUB_TOKEN"), os.environ.get("GITHUB_SERVER_URL")
    if not token or not server:
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
    }


def _git(root: Path, *arguments: str, content: bytes = b"", env: dict[str, str] | None = None) -> str:
    env = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(env or {})}
    done = subprocess.run(["git", "-C", str(root), *arguments], input=content, capture_output=True, env=env)
    if done.returncode:
        raise ExternalError(f"failed: {_last_line(done)}", where=f"git {arguments[0]}")
    return done.stdout.decode().strip()


def _last_line(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1][:300]
