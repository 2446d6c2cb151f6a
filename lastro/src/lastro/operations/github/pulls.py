"""Open pull requests: found by what GitHub knows of them, never by what their code says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    base: str
    here: bool
    ours: bool
    owner: str


def read(github: GitHub, content: dict[str, Any]) -> Pull:
    """From what the API or an event says."""
    source = content["head"]["repo"] or {}
    same = source.get("full_name", "").lower() == github.name.lower()
    author = (content["user"] or {}).get("login")
    return Pull(
        number=content["number"],
        head=content["head"]["sha"],
        branch=content["head"]["ref"],
        base=content["base"]["ref"],
        here=same,
        ours=same and author != "dependabot[bot]",
        owner=(source.get("owner") or {}).get("login", ""),
    )


def open_pulls(github: GitHub, **query: str) -> list[Pull]:
    """All of them."""
    return [read(github, content) for content in github.pages("/pulls", state="open", **query)]


def at_commit(github: GitHub, commit: str) -> list[Pull]:
    """Those whose head is this commit. GitHub's own list of a commit's pull requests leaves out forks."""
    return [pull for pull in open_pulls(github) if pull.head == commit]


def of_branch(github: GitHub, branch: str) -> list[Pull]:
    """Those that come from this branch of this repository."""
    return [p for p in open_pulls(github, head=f"{github.owner}:{branch}") if p.branch == branch and p.here]
