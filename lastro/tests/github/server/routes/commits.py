"""Commits: statuses, check runs, comparison."""

from __future__ import annotations

from typing import Any

from tests.github.server import views
from tests.github.server.pulls import now
from tests.github.server.routing import Refused, Request, route

BASE = "/repos/{owner}/{repo}"
LIMIT = 140  # characters of a status's description


def sha_of(request: Request, name: str = "ref") -> str:
    found = request.repository.git.sha(request.parameters[name])
    if found is None:
        raise Refused(422, f"No commit found for SHA: {request.parameters[name]}")
    return found


def status_view(of: dict[str, Any], request: Request, schema: str = "status") -> dict[str, Any]:
    known = {k: v for k, v in of.items() if k not in ("sha", "creator")}
    known["url"] = f"{request.repository.api}/statuses/{of['sha']}"
    if schema == "status":
        known["creator"] = views.user(of["creator"])
    return views.fill(schema, **known)


@route("POST", f"{BASE}/statuses/{{sha}}", "statuses:write", 201)
def create_status(request: Request) -> dict[str, Any]:
    sha = sha_of(request, "sha")
    body = {"context": "default", "description": None, "target_url": None} | request.body
    if len(body["description"] or "") > LIMIT:
        errors = [{"resource": "Status", "code": "custom", "field": "description", "message": "is too long"}]
        raise Refused(422, "Validation Failed", errors=errors)
    made = {"id": next(request.github.ids), "sha": sha, "creator": request.actor, "created_at": now()}
    made |= {"updated_at": made["created_at"]} | body
    request.repository.statuses.append(made)
    return status_view(made, request)


@route("GET", f"{BASE}/commits/{{ref}}/statuses", "statuses:read")
def statuses(request: Request) -> list[dict[str, Any]]:
    sha = sha_of(request)
    return [status_view(s, request) for s in reversed(request.repository.statuses) if s["sha"] == sha]


@route("GET", f"{BASE}/commits/{{ref}}/status", "statuses:read")
def combined(request: Request) -> dict[str, Any]:
    sha = sha_of(request)
    newest: dict[str, dict[str, Any]] = {}
    for status in reversed(request.repository.statuses):
        if status["sha"] == sha:
            newest.setdefault(status["context"], status)
    states = {status["state"] for status in newest.values()}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    return views.fill(
        "combined-commit-status",
        state=state,
        sha=sha,
        total_count=len(newest),
        statuses=[
            status_view(s, request, "simple-commit-status") for s in request.page(list(newest.values()))
        ],
        repository=views.repository(request.repository, "minimal-repository"),
    )


@route("GET", f"{BASE}/commits/{{ref}}/check-runs", "checks:read")
def check_runs(request: Request) -> dict[str, Any]:
    """The jobs of workflow runs show up here; a job of a pull request at its head, as GitHub does."""
    sha, name = sha_of(request), request.query.get("check_name")
    found = [c for c in request.repository.check_runs if c["head_sha"] == sha and name in (None, c["name"])]
    return {
        "total_count": len(found),
        "check_runs": [views.fill("check-run", **c) for c in request.page(found)],
    }


@route("POST", f"{BASE}/check-runs", "checks:write", 201)
def create_check_run(request: Request) -> dict[str, Any]:
    made = {"id": next(request.github.ids)} | request.body
    request.repository.check_runs.append(made)
    return views.fill("check-run", **made)


@route("GET", f"{BASE}/commits/{{ref}}", "contents:read")
def commit(request: Request) -> dict[str, Any]:
    return commit_view(request, sha_of(request))


def commit_view(request: Request, sha: str) -> dict[str, Any]:
    git = request.repository.git
    author, email, message = git.run("log", "-1", "--format=%an%x00%ae%x00%B", sha).split("\0")
    who = {"name": author, "email": email, "date": now()}
    parents = git.run("log", "-1", "--format=%P", sha).split()
    known = {"message": message.strip(), "author": who, "committer": who}
    return views.fill(
        "commit", sha=sha, commit=known, author=None, committer=None, parents=[{"sha": p} for p in parents]
    )


@route("GET", f"{BASE}/compare/{{basehead}}", "contents:read")
def compare(request: Request) -> dict[str, Any]:
    base, _, head = request.parameters["basehead"].partition("...")
    git = request.repository.git
    one, other = git.sha(base), git.sha(head)
    if not one or not other:
        raise Refused(404, "Not Found")
    ahead = git.run("rev-list", f"{one}..{other}").split()
    behind = git.run("rev-list", f"{other}..{one}").split()
    status = {(0, 0): "identical", (1, 0): "ahead", (0, 1): "behind", (1, 1): "diverged"}
    known: dict[str, Any] = {"ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead)}
    known["status"] = status[bool(ahead), bool(behind)]
    known |= {
        "commits": [commit_view(request, sha) for sha in reversed(ahead)],
        "base_commit": commit_view(request, one),
    }
    known["merge_base_commit"] = commit_view(request, git.merge_base(one, other))
    return views.fill("commit-comparison", **known)
