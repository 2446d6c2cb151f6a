"""Open pull requests, found by what GitHub knows of them: a comment that is refreshed, a branch that is brought up to date."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lastro.core.errors import ExternalError
from lastro.core.markdown import code
from lastro.operations.github import branch as branches
from lastro.operations.github.client import AnswerError, GitHub
from lastro.operations.lineage import git

MARKER = "<!-- lastro update -->"
WORKFLOW = "pull-request.yml"


@dataclass(frozen=True)
class Pull:
    """An open pull request.

    Attributes:
        head: the commit it is at.
        branch: the name of its branch, in the repository that it comes from.
        here: it comes from a branch of this repository.
        ours: and not from Dependabot, whose code nobody has looked at.
    """

    number: int
    head: str
    branch: str
    here: bool
    ours: bool


@dataclass(frozen=True)
class Refreshed:
    """What became of one pull request. refused: GitHub refused to start or to comment."""

    pull: Pull
    what: str
    refused: bool = False


def open_pulls(github: GitHub, **query: str) -> list[Pull]:
    """List the open pull requests; query: see GitHub's API."""
    found = []
    for content in github.pages("/pulls", state="open", **query):
        head, author = content["head"], (content["user"] or {}).get("login")
        here = (head["repo"] or {}).get("full_name", "").lower() == github.name.lower()
        ours = here and author != "dependabot[bot]"
        found.append(Pull(content["number"], head["sha"], head["ref"], here, ours))
    return found


def comment(github: GitHub, number: int, marker: str, text: str) -> None:
    """Put `text`, which begins with the marker, into the comment that has it already, or into a new one.

    Only a comment of a bot is refreshed: anybody can write the marker.
    """
    for found in github.pages(f"/issues/{number}/comments"):
        if (found["user"] or {}).get("type") == "Bot" and found["body"].startswith(marker):
            if found["body"] != text:
                github.send("PATCH", f"/issues/comments/{found['id']}", {"body": text})
            return
    github.send("POST", f"/issues/{number}/comments", {"body": text})


def start_pipeline(github: GitHub, branch: str) -> None:
    """Dispatch the workflow of a pull request on its branch."""
    github.send("POST", f"/actions/workflows/{WORKFLOW}/dispatches", {"ref": branch})


def refresh(github: GitHub, root: Path, branch: str, once: bool = False) -> list[Refreshed]:
    """Start the pipeline's workflow for each branch of this repository; tell the others the commands that do the same.

    GitHub starts no run for a pull request that conflicts, so the workflow is started by dispatch: one of the two events that
    a workflow's token may cause. What conflicts in other files is left to its author.

    once: skip a branch whose pipeline was started at its present commit before: it is at work, or has failed.

    Raises:
        ExternalError: the pull requests or the branch cannot be read.
    """
    path = f"{git.prefix(root)}{branches.LOCK}"
    branches.fetch(root, f"+refs/heads/{branch}:refs/remotes/origin/{branch}")
    base = git.resolve(root, f"refs/remotes/origin/{branch}")
    done = []
    for pull in open_pulls(github, base=branch):
        try:
            branches.fetch(root, f"+refs/pull/{pull.number}/head:refs/lastro/pull/{pull.number}")
            names = branches.conflicts(root, base, git.resolve(root, f"refs/lastro/pull/{pull.number}"))[1]
        except ExternalError as error:
            # The others go on: this one may have no common history, for example.
            done.append(Refreshed(pull, f"left alone: {error}"))
            continue
        if names != [path]:
            done.append(
                Refreshed(pull, f"left to its author: {', '.join(names)}" if names else "fits as it is")
            )
            continue
        try:
            what = _bring_up_to_date(github, pull, branch, once)
        except AnswerError as error:
            # Merged or closed a moment ago, for example: the others wait for theirs.
            done.append(Refreshed(pull, f"refused: {error}", refused=True))
        else:
            done.append(Refreshed(pull, f"conflicts in dvc.lock alone: {what}"))
    return done


def _bring_up_to_date(github: GitHub, pull: Pull, branch: str, once: bool) -> str:
    if not pull.ours:
        comment(github, pull.number, MARKER, _commands(pull, branch))
        return "its author was told the commands"
    if once and _started_before(github, pull):
        return "its pipeline was started at this commit before"
    start_pipeline(github, pull.branch)
    return "its pipeline was started"


def _started_before(github: GitHub, pull: Pull) -> bool:
    runs = github.get("/actions/runs", head_sha=pull.head, event="workflow_dispatch", per_page=100)
    return any(run["path"].partition("@")[0].endswith(f"/{WORKFLOW}") for run in runs["workflow_runs"])


def _commands(pull: Pull, branch: str) -> str:
    return (
        f"{MARKER}\n{code(branch, 100)} has moved on, and this conflicts with it in `dvc.lock` alone. In a clone, on "
        f"{code(pull.branch, 100)}:\n\n"
        f"```sh\ngit remote add upstream REPOSITORY  # once\ngit fetch upstream\nlastro merge upstream/{branch}\n"
        'dvc repro\ngit commit -m "dvc.lock" dvc.lock\ngit push\n```\n'
    )
