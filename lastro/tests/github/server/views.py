"""How things look in answers and payloads: what is known here, filled up to GitHub's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.github.openapi import description
from tests.github.server.pulls import Issue, Pull

if TYPE_CHECKING:
    from tests.github.server.repository import Repository


def fill(schema: str, /, **known: Any) -> dict[str, Any]:
    return description().fill(schema, known)


def user(login: str) -> dict[str, Any]:
    """A person or a bot; ids follow from the name."""
    kind = "Bot" if login.endswith("[bot]") else "User"
    number = sum(ord(letter) * 31**i for i, letter in enumerate(login)) % 10**8
    return fill("simple-user", login=login, id=number, type=kind, site_admin=False)


def repository(of: Repository, schema: str = "full-repository") -> dict[str, Any]:
    more: dict[str, Any] = {}
    if schema == "full-repository":
        more["permissions"] = {
            "admin": False,
            "maintain": False,
            "push": False,
            "triage": False,
            "pull": True,
        }
    return fill(
        schema,
        id=of.id,
        name=of.name,
        full_name=of.full_name,
        owner=user(of.owner),
        private=of.private,
        visibility="private" if of.private else "public",
        fork=of.fork_of is not None,
        default_branch=of.default_branch,
        html_url=of.url,
        url=of.api,
        clone_url=f"{of.url}.git",
        has_issues=True,
        **more,
    )


def label(name: str, of: dict[str, Any] | None = None) -> dict[str, Any]:
    return fill(
        "label", **({"name": name, "color": "ededed", "description": None, "default": False} | (of or {}))
    )


def _issue_fields(of: Issue) -> dict[str, Any]:
    return {
        "id": 1000 + of.number,
        "number": of.number,
        "title": of.title,
        "body": of.body,
        "user": user(of.author),
        "state": "open" if of.open else "closed",
        "labels": [label(name, of.repository.labels.get(name)) for name in of.labels],
        "created_at": of.created,
        "updated_at": of.updated,
        "closed_at": of.closed,
        "comments": len(of.comments),
        "html_url": f"{of.repository.url}/{'pull' if isinstance(of, Pull) else 'issues'}/{of.number}",
        "author_association": "OWNER" if of.author == of.repository.owner else "CONTRIBUTOR",
    }


def issue(of: Issue) -> dict[str, Any]:
    known = _issue_fields(of) | {"url": f"{of.repository.api}/issues/{of.number}"}
    if isinstance(of, Pull):
        links = {"url": f"{of.repository.api}/pulls/{of.number}", "html_url": known["html_url"]}
        known["pull_request"] = links | {"diff_url": None, "patch_url": None}
    return fill("issue", **known)


def pull(of: Pull, full: bool = True) -> dict[str, Any]:
    known = _issue_fields(of) | {"url": f"{of.repository.api}/pulls/{of.number}", "draft": of.draft}
    known["merged_at"] = of.closed if of.merged else None
    known["merge_commit_sha"] = of.merged or of.repository.git.sha(f"refs/pull/{of.number}/merge")
    source = of.head_repository
    known["head"] = _side(source, of.branch, of.head)
    known["base"] = _side(of.repository, of.base, of.base_sha)
    if not full:
        return fill("pull-request-simple", **{k: v for k, v in known.items() if k != "comments"})
    mergeable = of.mergeable()
    known |= {
        "mergeable": mergeable,
        "mergeable_state": {None: "unknown", True: "clean", False: "dirty"}[mergeable],
    }
    known |= {"merged": of.merged is not None, "merged_by": user(of.merged_by) if of.merged_by else None}
    known["maintainer_can_modify"] = of.maintainer_can_modify and source is not of.repository
    return fill("pull-request", **known)


def _side(of: Repository, branch: str, sha: str) -> dict[str, Any]:
    label_ = f"{of.owner}:{branch}"
    return {
        "label": label_,
        "ref": branch,
        "sha": sha,
        "repo": repository(of, "repository"),
        "user": user(of.owner),
    }


def comment(of: dict[str, Any], repository: Repository) -> dict[str, Any]:
    return fill(
        "issue-comment",
        id=of["id"],
        body=of["body"],
        user=user(of["author"]),
        created_at=of["created"],
        updated_at=of["updated"],
        html_url=f"{repository.url}/issues/{of['issue']}#issuecomment-{of['id']}",
        issue_url=f"{repository.api}/issues/{of['issue']}",
        url=f"{repository.api}/issues/comments/{of['id']}",
        author_association="NONE",
    )


def run(of: dict[str, Any], repository: Repository) -> dict[str, Any]:
    """A workflow run; `of` is what the harness keeps in `repository.runs`."""
    known = {k: v for k, v in of.items() if k not in ("actor", "fork", "head_repository")}
    return fill(
        "workflow-run",
        **known,
        repository=globals()["repository"](repository, "minimal-repository"),
        head_repository=globals()["repository"](
            of.get("head_repository") or repository, "minimal-repository"
        ),
        actor=user(of["actor"]),
        triggering_actor=user(of["actor"]),
        html_url=f"{repository.url}/actions/runs/{of['id']}",
        url=f"{repository.api}/actions/runs/{of['id']}",
        artifacts_url=f"{repository.api}/actions/runs/{of['id']}/artifacts",
    )
