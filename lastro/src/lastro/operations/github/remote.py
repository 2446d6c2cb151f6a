"""Git with the job's token: it is given to one command, in its environment, and stays in no file and no argument."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.lineage import git

BOT = {"NAME": "github-actions[bot]", "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com"}
"""Who the commits of a workflow are from: GitHub's own account for them."""


class MovedError(LastroError):
    """The branch is not any more where it was when the work began."""


def fetch(root: Path, *refspecs: str) -> None:
    """Bring refs from origin.

    Raises:
        ExternalError: Git says no.
    """
    done = _remote(root, "fetch", "--quiet", "--no-tags", "origin", *refspecs)
    if done.returncode:
        raise ExternalError(f"failed: {_last(done)}", where="git fetch origin")


def tip(root: Path, branch: str) -> str | None:
    """The commit at which origin has the branch now; None where it has none."""
    done = _remote(root, "ls-remote", "--quiet", "origin", f"refs/heads/{branch}")
    if done.returncode:
        raise ExternalError(f"failed: {_last(done)}", where="git ls-remote origin")
    return done.stdout.split()[0] if done.stdout.strip() else None


def push(root: Path, commit: str, branch: str, expected: str) -> None:
    """Move origin's branch from `expected` to `commit`, or leave it alone. expected: empty for a new branch.

    Raises:
        MovedError: the branch is elsewhere: somebody pushed meanwhile.
        ExternalError: Git says no.
    """
    ref = f"refs/heads/{branch}"
    done = _remote(
        root, "push", "--quiet", f"--force-with-lease={ref}:{expected}", "origin", f"{commit}:{ref}"
    )
    if done.returncode == 0:
        return
    if (tip(root, branch) or "") != expected:
        raise MovedError(
            "was pushed to meanwhile", where=branch, fix="the run for that push brings its own dvc.lock"
        )
    raise ExternalError(f"failed: {_last(done)}", where=f"git push origin {branch}")


def plumbing(root: Path, *arguments: str, content: bytes = b"", index: Path | None = None) -> str:
    """What a Git command prints that makes an object; no working tree is touched. index: a private one.

    Raises:
        ExternalError: Git says no.
    """
    roles = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in BOT.items()}
    env = {**os.environ, "LC_ALL": "C", **roles, **({"GIT_INDEX_FILE": str(index)} if index else {})}
    done = subprocess.run(["git", "-C", str(root), *arguments], input=content, capture_output=True, env=env)
    if done.returncode:
        raise ExternalError(
            f"failed: {done.stderr.decode(errors='replace').strip()[-300:]}", where=f"git {arguments[0]}"
        )
    return done.stdout.decode().strip()


def _remote(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    token, server = os.environ.get("GITHUB_TOKEN"), os.environ.get("GITHUB_SERVER_URL")
    if token and server:
        # As actions/checkout does it, but for this command only.
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        env |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
            "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
        }
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, env=env)


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1][:300]


def conflicts(root: Path, ours: str, theirs: str) -> tuple[str, list[str]]:
    """The tree of a merge of two commits, and the files that conflict in it; nothing is checked out.

    Raises:
        ExternalError: Git is older than 2.38, or the two have no common history.
    """
    done = git.attempt(root, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
    if done.returncode not in (0, 1):
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise ExternalError(f"failed: {said[-1][:300]}", where=f"git merge-tree {ours[:12]} {theirs[:12]}")
    tree, *names = done.stdout.decode(errors="replace").split("\0")
    return tree, sorted({name for name in names if name})
