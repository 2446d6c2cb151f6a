"""dvc.lock, brought to the branch of a pull request as one commit: made from objects, so that no code of the branch runs."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from lastro.core.errors import LastroError
from lastro.operations.github import remote
from lastro.operations.lineage import git, repository

NAME = "dvc.lock"
MOST_BYTES = 5_000_000


@dataclass(frozen=True)
class Brought:
    """The commit at which the branch has this dvc.lock, and whether it was made now."""

    commit: str
    made: bool


def bring(root: Path, head: str, branch: str, lock: bytes, base: str | None = None) -> Brought:
    """Commit dvc.lock onto `head`, and move the branch of origin from there to it.

    A lock that is true already makes no commit, and neither does a second run. base: the commit of the default branch that
    is merged in the same commit; nothing but dvc.lock may conflict.

    Raises:
        MovedError: the branch is not at `head` any more.
        LastroError: what is to be committed is no dvc.lock, or more than dvc.lock conflicts.
        ExternalError: Git says no.
    """
    _refuse_other_content(lock)
    path = f"{repository.prefix(root)}{NAME}"
    remote.fetch(root, f"+refs/heads/{branch}:refs/lastro/branch")
    tip = git.resolve(root, "refs/lastro/branch")
    merged = base is not None and not repository.is_ancestor(root, base, head)
    if tip != head:
        if _is_the_same(root, tip, head, base if merged else None, path, lock):
            return Brought(tip, False)
        raise remote.MovedError(
            "was pushed to meanwhile", where=branch, fix="the run for that push brings its own dvc.lock"
        )
    tree, parents = git.resolve(root, head), [head]
    if merged:
        assert base is not None
        tree, names = remote.conflicts(root, head, base)
        if set(names) - {path}:
            raise LastroError(
                f"conflicts in {', '.join(names)}", where=branch, fix="merge by hand: lastro merge"
            )
        parents.append(base)
    elif blob(root, head, path) == lock:
        return Brought(head, False)
    commit = _commit(root, tree, parents, path, lock)
    remote.push(root, commit, branch, head)
    return Brought(commit, True)


def _refuse_other_content(lock: bytes) -> None:
    try:
        content = yaml.safe_load(lock) if len(lock) <= MOST_BYTES else None
    except yaml.YAMLError:
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("stages"), dict):
        raise LastroError("what the pipeline left is no dvc.lock", where="dvc.lock", fix="run dvc repro")


def blob(root: Path, commit: str, path: str) -> bytes | None:
    """The content of a file of a commit; None where it has none."""
    done = git.attempt(root, "cat-file", "blob", f"{commit}:{path}")
    return done.stdout if done.returncode == 0 else None


def _is_the_same(root: Path, tip: str, head: str, base: str | None, path: str, lock: bytes) -> bool:
    """Whether the tip is what an earlier try at this very work left."""
    parents = git.attempt(root, "rev-parse", f"{tip}^@").stdout.decode().split()
    return parents == [head, *([base] if base else [])] and blob(root, tip, path) == lock


def _commit(root: Path, tree: str, parents: list[str], path: str, lock: bytes) -> str:
    what = "Merge the default branch; " if len(parents) > 1 else ""
    message = f"{what}dvc.lock as the pipeline leaves it at {parents[0][:12]}\n"
    return commit_files(root, tree, parents, {path: lock}, message)


def commit_files(root: Path, tree: str, parents: list[str], files: dict[str, bytes], message: str) -> str:
    """A commit of the tree with these files in it, made from objects. tree: also a commit that has it.

    Raises:
        ExternalError: Git says no.
    """
    with tempfile.TemporaryDirectory(prefix="lastro-lock-") as folder:
        index = Path(folder) / "index"
        remote.plumbing(root, "read-tree", tree, index=index)
        for path, content in files.items():
            oid = remote.plumbing(root, "hash-object", "-w", "--stdin", content=content)
            # A conflicting file is in the merged tree with its markers; it is replaced whole.
            remote.plumbing(root, "update-index", "--add", "--cacheinfo", f"100644,{oid},{path}", index=index)
        written = remote.plumbing(root, "write-tree", index=index)
    named = [word for parent in parents for word in ("-p", parent)]
    return remote.plumbing(root, "commit-tree", written, *named, content=message.encode())
