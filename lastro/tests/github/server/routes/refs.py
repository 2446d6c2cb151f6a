"""Git refs, branches and files."""

from __future__ import annotations

import base64
from typing import Any

from tests.github.server import views
from tests.github.server.push_rules import ZERO, broken, covers
from tests.github.server.routing import Refused, Request, route
from tests.github.server.smart_http import repository_rules

BASE = "/repos/{owner}/{repo}"


def view(request: Request, ref: str, sha: str) -> dict[str, Any]:
    kind = request.repository.git.run("cat-file", "-t", ref)
    object_sha = request.repository.git.run("rev-parse", ref)
    target = {"type": kind, "sha": object_sha, "url": f"{request.repository.api}/git/{kind}s/{object_sha}"}
    return views.fill("git-ref", ref=ref, url=f"{request.repository.api}/git/{ref}", object=target)


def obey_rules(request: Request, ref: str, old: str, new: str) -> None:
    for ruleset in repository_rules(request.repository, request.token):
        for rule in ruleset["rules"]:
            if covers(ruleset, ref) and broken(rule["type"], old, new):
                raise Refused(422, f"Repository rule violations found\n\nCannot change {ref}: {rule['type']}")


@route("GET", f"{BASE}/git/ref/{{ref}}", "contents:read")
def one(request: Request) -> dict[str, Any]:
    ref = "refs/" + request.parameters["ref"]
    sha = request.repository.git.refs().get(ref)
    if sha is None:
        raise Refused(404, "Not Found")
    return view(request, ref, sha)


@route("GET", f"{BASE}/git/matching-refs/{{ref}}", "contents:read")
def matching(request: Request) -> list[dict[str, Any]]:
    start = "refs/" + request.parameters["ref"]
    found = {ref: sha for ref, sha in request.repository.git.refs().items() if ref.startswith(start)}
    return [view(request, ref, sha) for ref, sha in found.items()]


@route("POST", f"{BASE}/git/refs", "contents:write", 201)
def create(request: Request) -> dict[str, Any]:
    ref, git = request.body["ref"], request.repository.git
    sha = git.sha(request.body["sha"])
    if sha is None:
        raise Refused(422, "Object does not exist")
    if ref in git.refs():
        raise Refused(422, "Reference already exists")
    obey_rules(request, ref, ZERO, sha)
    request.repository.moved({ref: sha}, request.actor)
    return view(request, ref, sha)


@route("PATCH", f"{BASE}/git/refs/{{ref}}", "contents:write")
def update(request: Request) -> dict[str, Any]:
    ref, git = "refs/" + request.parameters["ref"], request.repository.git
    old, new = git.refs().get(ref), git.sha(request.body["sha"])
    if old is None or new is None:
        raise Refused(422, "Reference does not exist")
    if not request.body.get("force") and not git.is_ancestor(old, new):
        raise Refused(422, "Update is not a fast forward")
    obey_rules(request, ref, old, new)
    request.repository.moved({ref: new}, request.actor)
    return view(request, ref, new)


@route("DELETE", f"{BASE}/git/refs/{{ref}}", "contents:write", 204)
def delete(request: Request) -> None:
    ref = "refs/" + request.parameters["ref"]
    old = request.repository.git.refs().get(ref)
    if old is None:
        raise Refused(422, "Reference does not exist")
    obey_rules(request, ref, old, ZERO)
    request.repository.moved({ref: None}, request.actor)


@route("GET", f"{BASE}/branches/{{branch}}", "contents:read")
def branch(request: Request) -> dict[str, Any]:
    from tests.github.server.routes.commits import commit_view

    name = request.parameters["branch"]
    sha = request.repository.git.sha(f"refs/heads/{name}")
    if sha is None:
        raise Refused(404, "Branch not found")
    return views.fill("branch-with-protection", name=name, commit=commit_view(request, sha), protected=False)


@route("GET", f"{BASE}/contents/{{path}}", "contents:read")
def contents(request: Request) -> Any:
    path, git = request.parameters["path"].strip("/"), request.repository.git
    sha = git.sha(request.query.get("ref") or request.repository.default_branch)
    data = git.read(sha, path) if sha else None
    if data is None or sha is None:
        raise Refused(404, "Not Found")
    blob = git.run("rev-parse", f"{sha}:{path}")
    links = {"self": f"{request.repository.api}/contents/{path}", "git": None, "html": None}
    known = {
        "type": "file",
        "encoding": "base64",
        "size": len(data),
        "name": path.split("/")[-1],
        "path": path,
    }
    return views.fill(
        "content-file", **known, sha=blob, content=base64.encodebytes(data).decode(), _links=links
    )
