"""Another branch into this one, where at most dvc.lock conflicts: that file is not written by hand but by the pipeline."""

from __future__ import annotations

from pathlib import Path

from lastro.core.errors import LastroError
from lastro.operations.lineage import git, repository

NAME = "dvc.lock"


def merge(root: Path, rev: str) -> tuple[str, bool]:
    """Merge and commit; the commit merged in, and whether dvc.lock is to be brought up to date now.

    Raises:
        LastroError: there are changes that are not committed, or other files conflict: nothing is changed then.
    """
    commit, dirty = git.state(root)
    if commit is None or dirty:
        raise LastroError(
            "the working copy has changes that are not committed", fix="git commit or git stash, then merge"
        )
    other, path = git.resolve(root, rev), f"{repository.prefix(root)}{NAME}"
    done = git.attempt(root, "merge", "--quiet", "--no-edit", "--end-of-options", other)
    if done.returncode == 0:
        return other, False
    listed = git.attempt(root, "diff", "--name-only", "-z", "--diff-filter=U").stdout.decode(errors="replace")
    names = sorted(filter(None, listed.split("\0")))
    # Relative to the top of the repository, as Git lists them.
    if names != [path]:
        git.attempt(root, "merge", "--abort")
        what = (
            f"conflicts in {', '.join(names)}"
            if names
            else done.stderr.decode(errors="replace").strip()[-300:]
        )
        raise LastroError(
            f"{what}", where=rev, fix=f"nothing was changed: git merge {rev}, and mend it by hand"
        )
    for arguments in (
        ("checkout", "--theirs", "--", NAME),
        ("add", "--", NAME),
        ("commit", "--quiet", "--no-edit"),
    ):
        step = git.attempt(root, *arguments)
        if step.returncode:
            git.attempt(root, "merge", "--abort")
            raise LastroError(
                f"{step.stderr.decode(errors='replace').strip()[-300:]}", where=f"git {arguments[0]}"
            )
    return other, True
