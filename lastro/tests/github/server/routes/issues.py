"""Issues, labels and the comments of issues and pull requests."""

from __future__ import annotations

from typing import Any

from tests.github.server import views
from tests.github.server.pulls import Issue, Pull, now
from tests.github.server.routing import Refused, Request, invalid, route

BASE = "/repos/{owner}/{repo}"
LONGEST = 65536


def issue_of(request: Request) -> Issue:
    found = request.repository.issues.get(request.number("issue_number"))
    if found is None:
        raise Refused(404, "Not Found")
    return found


def demand(request: Request, issue: Issue, level: str) -> None:
    """A pull request's comments and labels need `pull-requests`, an issue's `issues`."""
    scope = "pull-requests" if isinstance(issue, Pull) else "issues"
    granted = request.repository.permissions(request.token) if request.token else {}
    if granted.get(scope) not in ("write", level):
        raise Refused(403, "Resource not accessible by integration")


def text_of(request: Request) -> str:
    body = request.body["body"]
    if not body.strip():
        raise invalid("IssueComment", body="body can't be blank")
    if len(body) > LONGEST:
        raise invalid("IssueComment", body=f"body is too long (maximum is {LONGEST} characters)")
    return body


@route("GET", f"{BASE}/issues", "issues:read")
def listing(request: Request) -> list[dict[str, Any]]:
    query = request.query
    state, labels = query.get("state", "open"), set(filter(None, query.get("labels", "").split(",")))
    found = [
        i for i in request.repository.issues.values() if state in ("all", "open" if i.open else "closed")
    ]
    found = [i for i in found if labels <= set(i.labels)]
    if "creator" in query:
        found = [i for i in found if i.author == query["creator"]]
    found.sort(key=lambda i: i.number, reverse=query.get("direction", "desc") == "desc")
    return [views.issue(i) for i in found]


@route("POST", f"{BASE}/issues", "issues:write", 201)
def create(request: Request) -> dict[str, Any]:
    body = request.body
    labels = [entry if isinstance(entry, str) else entry["name"] for entry in body.get("labels", ())]
    for name in labels:
        request.repository.labels.setdefault(name, {"name": name})
    made = request.repository.open_issue(
        str(body["title"]), body.get("body") or "", request.actor, tuple(labels)
    )
    return views.issue(made)


@route("GET", f"{BASE}/issues/{{issue_number}}", "issues:read|pull-requests:read")
def one(request: Request) -> dict[str, Any]:
    demand(request, issue_of(request), "read")
    return views.issue(issue_of(request))


@route("PATCH", f"{BASE}/issues/{{issue_number}}", "issues:write|pull-requests:write")
def update(request: Request) -> dict[str, Any]:
    issue, body = issue_of(request), request.body
    demand(request, issue, "write")
    issue.title, issue.body = body.get("title", issue.title), body.get("body", issue.body)
    if "labels" in body:
        issue.labels = [entry if isinstance(entry, str) else entry["name"] for entry in body["labels"]]
    if "state" in body:
        issue.set_state(body["state"])
    issue.updated = now()
    return views.issue(issue)


@route("GET", f"{BASE}/issues/{{issue_number}}/comments", "issues:read|pull-requests:read")
def comments(request: Request) -> list[dict[str, Any]]:
    demand(request, issue_of(request), "read")
    return [views.comment(c, request.repository) for c in issue_of(request).comments]


@route("POST", f"{BASE}/issues/{{issue_number}}/comments", "issues:write|pull-requests:write", 201)
def comment(request: Request) -> dict[str, Any]:
    issue = issue_of(request)
    demand(request, issue, "write")
    made = {
        "id": next(request.github.ids),
        "issue": issue.number,
        "body": text_of(request),
        "author": request.actor,
    }
    made["created"] = made["updated"] = now()
    request.repository.comments.append(made)
    return views.comment(made, request.repository)


def comment_of(request: Request, level: str) -> dict[str, Any]:
    for found in request.repository.comments:
        if found["id"] == request.number("comment_id"):
            demand(request, request.repository.issues[found["issue"]], level)
            return found
    raise Refused(404, "Not Found")


@route("GET", f"{BASE}/issues/comments/{{comment_id}}", "issues:read|pull-requests:read")
def one_comment(request: Request) -> dict[str, Any]:
    return views.comment(comment_of(request, "read"), request.repository)


@route("PATCH", f"{BASE}/issues/comments/{{comment_id}}", "issues:write|pull-requests:write")
def change_comment(request: Request) -> dict[str, Any]:
    found = comment_of(request, "write")
    found |= {"body": text_of(request), "updated": now()}
    return views.comment(found, request.repository)


@route("DELETE", f"{BASE}/issues/comments/{{comment_id}}", "issues:write|pull-requests:write", 204)
def delete_comment(request: Request) -> None:
    request.repository.comments.remove(comment_of(request, "write"))


@route("GET", f"{BASE}/labels", "issues:read|pull-requests:read")
def labels(request: Request) -> list[dict[str, Any]]:
    return [views.label(name, of) for name, of in request.repository.labels.items()]


@route("GET", f"{BASE}/labels/{{name}}", "issues:read|pull-requests:read")
def one_label(request: Request) -> dict[str, Any]:
    name = request.parameters["name"]
    if name not in request.repository.labels:
        raise Refused(404, "Not Found")
    return views.label(name, request.repository.labels[name])


@route("POST", f"{BASE}/labels", "issues:write|pull-requests:write", 201)
def create_label(request: Request) -> dict[str, Any]:
    name = request.body["name"]
    if name in request.repository.labels:
        errors = [{"resource": "Label", "code": "already_exists", "field": "name"}]
        raise Refused(422, "Validation Failed", errors=errors)
    request.repository.labels[name] = dict(request.body)
    return views.label(name, request.body)


@route("POST", f"{BASE}/issues/{{issue_number}}/labels", "issues:write|pull-requests:write")
def add_labels(request: Request) -> list[dict[str, Any]]:
    issue = issue_of(request)
    demand(request, issue, "write")
    entries = request.body if isinstance(request.body, list) else request.body.get("labels", [])
    for entry in entries:
        name = entry if isinstance(entry, str) else entry["name"]
        request.repository.labels.setdefault(name, {"name": name})
        if name not in issue.labels:
            issue.labels.append(name)
    return [views.label(name, request.repository.labels[name]) for name in issue.labels]
