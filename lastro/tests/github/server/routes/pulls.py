"""Pull requests."""

from __future__ import annotations

from typing import Any

from tests.github.server import views
from tests.github.server.pulls import Pull
from tests.github.server.routing import Refused, Request, invalid, route

BASE = "/repos/{owner}/{repo}"


def pull_of(request: Request) -> Pull:
    try:
        return request.repository.pull(request.number("pull_number"))
    except KeyError:
        raise Refused(404, "Not Found") from None


@route("GET", f"{BASE}/pulls", "pull-requests:read")
def listing(request: Request) -> list[dict[str, Any]]:
    state, query = request.query.get("state", "open"), request.query
    found = [p for p in request.repository.pulls if state in ("all", "open" if p.open else "closed")]
    if "base" in query:
        found = [p for p in found if p.base == query["base"]]
    if "head" in query:
        found = [p for p in found if f"{p.head_repository.owner}:{p.branch}" == query["head"]]
    ascending = (
        query.get("direction", "asc" if query.get("sort", "created") != "created" else "desc") == "asc"
    )
    key = {"updated": lambda p: p.updated}.get(query.get("sort", "created"), lambda p: p.number)
    return [views.pull(p, full=False) for p in sorted(found, key=key, reverse=not ascending)]


@route("GET", f"{BASE}/pulls/{{pull_number}}", "pull-requests:read")
def one(request: Request) -> dict[str, Any]:
    return views.pull(pull_of(request))


@route("POST", f"{BASE}/pulls", "pull-requests:write", 201)
def create(request: Request) -> dict[str, Any]:
    repository, body = request.repository, request.body
    if request.token and request.token.is_job and not repository.actions_may_open_pulls:
        raise Refused(403, "GitHub Actions is not permitted to create or approve pull requests.")
    owner, _, branch = body["head"].rpartition(":")
    source = f"{owner or repository.owner}/{repository.name}"
    sides = ((source, branch, "head"), (repository.full_name, body["base"], "base"))
    for name, of_side, side in sides:
        if name not in request.github.repositories or not request.github.repositories[name].git.sha(
            f"refs/heads/{of_side}"
        ):
            raise invalid("PullRequest", **{side: "invalid"})
    same = [p for p in repository.pulls if p.open and (p.branch, p.base) == (branch, body["base"])]
    if any(p.head_repository.full_name == source for p in same):
        raise invalid("PullRequest", base=f"A pull request already exists for {body['head']}.")
    head = repository.git.sha(f"refs/heads/{body['base']}") or ""
    if request.github.repositories[source].git.sha(f"refs/heads/{branch}") == head:
        raise invalid("PullRequest", base=f"No commits between {body['base']} and {branch}")
    pull = repository.open_pull(
        body["head"], body["title"], body.get("body") or "", request.actor, body["base"]
    )
    pull.draft = body.get("draft", False)
    return views.pull(pull)


@route("PATCH", f"{BASE}/pulls/{{pull_number}}", "pull-requests:write")
def update(request: Request) -> dict[str, Any]:
    pull = pull_of(request)
    pull.title, pull.body = request.body.get("title", pull.title), request.body.get("body", pull.body)
    if "state" in request.body:
        pull.set_state(request.body["state"])
    return views.pull(pull)


@route("PUT", f"{BASE}/pulls/{{pull_number}}/merge", "contents:write")
def merge(request: Request) -> dict[str, Any]:
    pull = pull_of(request)
    if request.body.get("sha", pull.head) != pull.head:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    try:
        sha = request.repository.merge(pull.number, request.actor, request.body.get("merge_method", "merge"))
    except ValueError:
        raise Refused(405, "Pull Request is not mergeable") from None
    return {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}


@route("GET", f"{BASE}/commits/{{commit_sha}}/pulls", "pull-requests:read")
def of_commit(request: Request) -> list[dict[str, Any]]:
    """Those whose head or merge has brought the commit; a fork's commit only by its head."""
    sha, git = request.parameters["commit_sha"], request.repository.git
    if git.sha(sha) is None:
        raise Refused(422, f"No commit found for SHA: {sha}")
    found = [p for p in request.repository.pulls if sha in (p.head, p.merged) or _brought(p, sha)]
    return [views.pull(p, full=False) for p in found]


def _brought(pull: Pull, sha: str) -> bool:
    git, base = pull.repository.git, pull.base_sha
    if pull.merged or not pull.open:
        return False
    return git.is_ancestor(sha, pull.head) and not git.is_ancestor(sha, base)


@route("GET", f"{BASE}/pulls/{{pull_number}}/files", "pull-requests:read")
def files(request: Request) -> list[dict[str, Any]]:
    pull = pull_of(request)
    git = request.repository.git
    start = git.merge_base(pull.base_sha, pull.head)
    names = {"A": "added", "D": "removed", "M": "modified"}
    changed = [line.split("\t") for line in git.run("diff", "--name-status", start, pull.head).splitlines()]
    return [views.fill("diff-entry", filename=path, status=names[kind[0]]) for kind, path in changed]
