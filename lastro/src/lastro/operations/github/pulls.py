"""Find open pull requests by what GitHub knows of them, never by what their code says."""

from __future__ import annotations

from dataclasses import dataclass

from lastro.operations.github.client import GitHub


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


def open_pulls(github: GitHub, **query: str) -> list[Pull]:
    """List the open pull requests; query: see GitHub's API."""
    found = []
    for content in github.pages("/pulls", state="open", **query):
        head, author = content["head"], (content["user"] or {}).get("login")
        here = (head["repo"] or {}).get("full_name", "").lower() == github.name.lower()
        ours = here and author != "dependabot[bot]"
        found.append(Pull(content["number"], head["sha"], head["ref"], here, ours))
    return found


def at_commit(github: GitHub, commit: str) -> list[Pull]:
    """List those whose head is this commit. GitHub's own list of a commit's pull requests leaves out forks."""
    return [pull for pull in open_pulls(github) if pull.head == commit]


def of_branch(github: GitHub, branch: str) -> list[Pull]:
    """List those that come from this branch of this repository."""
    return [p for p in open_pulls(github, head=f"{github.owner}:{branch}") if p.branch == branch and p.here]
