"""After a merge: the open pull requests that conflict in dvc.lock alone are brought up to date."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lastro.errors import ExternalError
from lastro.github import comment, remote
from lastro.github.client import GitHub
from lastro.github.lock import NAME
from lastro.github.pulls import Pull, open_pulls
from lastro.lineage import git, repository
from lastro.reporting.escape import code

MARKER = "<!-- lastro update -->"
WORKFLOW = "pull-request.yml"


@dataclass(frozen=True)
class Update:
    """What became of one pull request."""

    pull: Pull
    what: str


def update(github: GitHub, root: Path, branch: str) -> list[Update]:
    """Start the pipeline's workflow for each branch of this repository; tell the others which commands do it.

    GitHub starts no run for a pull request that conflicts, so the workflow is started by dispatch: one of the two events that
    a workflow's token may cause. What conflicts in other files is left to its author.

    Raises:
        ExternalError: GitHub or Git says no.
    """
    path = f"{repository.prefix(root)}{NAME}"
    remote.fetch(root, f"+refs/heads/{branch}:refs/remotes/origin/{branch}")
    base = git.resolve(root, f"refs/remotes/origin/{branch}")
    done = []
    for pull in open_pulls(github, base=branch):
        try:
            remote.fetch(root, f"+refs/pull/{pull.number}/head:refs/lastro/pull/{pull.number}")
            names = remote.conflicts(root, base, git.resolve(root, f"refs/lastro/pull/{pull.number}"))[1]
        except ExternalError as error:
            # One that cannot be read, without common history for example, stands in no other's way.
            done.append(Update(pull, f"left alone: {error}"))
            continue
        if names != [path]:
            done.append(Update(pull, f"left to its author: {', '.join(names)}" if names else "fits as it is"))
        elif pull.ours:
            github.send("POST", f"/actions/workflows/{WORKFLOW}/dispatches", {"ref": pull.branch})
            done.append(Update(pull, "conflicts in dvc.lock alone: its pipeline was started"))
        else:
            comment.post(github, pull.number, MARKER, _commands(pull, branch))
            done.append(Update(pull, "conflicts in dvc.lock alone: its author was told the commands"))
    return done


def _commands(pull: Pull, branch: str) -> str:
    return (
        f"{MARKER}\n{code(branch, 100)} has moved on, and this conflicts with it in `dvc.lock` alone. In a clone, on "
        f"{code(pull.branch, 100)}:\n\n"
        f"```sh\ngit remote add upstream REPOSITORY  # once\ngit fetch upstream\nlastro merge upstream/{branch}\n"
        'dvc repro\ngit commit -m "dvc.lock" dvc.lock\ngit push\n```\n'
    )
