"""Workflow runs, their artifacts, variables, caches. The harness writes `repository.runs` and the artifacts' files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.github.server import views
from tests.github.server.repository import Repository
from tests.github.server.routing import Refused, Request, route

BASE = "/repos/{owner}/{repo}"


def run_of(request: Request) -> dict[str, Any]:
    found = request.repository.runs.get(request.number("run_id"))
    if found is None:
        raise Refused(404, "Not Found")
    return found


@route("GET", f"{BASE}/actions/runs", "actions:read")
def runs(request: Request) -> dict[str, Any]:
    query = request.query
    found = list(reversed(request.repository.runs.values()))
    for name, field in {"head_sha": "head_sha", "event": "event", "branch": "head_branch"}.items():
        found = [r for r in found if name not in query or r[field] == query[name]]
    if "status" in query:
        found = [r for r in found if query["status"] in (r["status"], r["conclusion"])]
    page = [views.run(r, request.repository) for r in request.page(found)]
    return {"total_count": len(found), "workflow_runs": page}


@route("GET", f"{BASE}/actions/runs/{{run_id}}", "actions:read")
def one(request: Request) -> dict[str, Any]:
    return views.run(run_of(request), request.repository)


def artifacts_of(repository: Repository, run: int) -> dict[int, tuple[str, Path]]:
    """The artifacts of a run by id: name and zip file."""
    found = {}
    for file in sorted(repository.folder("artifacts", str(run)).glob("*.zip")):
        number = int(hashlib.sha256(f"{run}/{file.name}".encode()).hexdigest()[:8], 16)
        found[number] = (file.stem, file)
    return found


def artifact_view(
    request: Request, number: int, run: dict[str, Any], name: str, file: Path
) -> dict[str, Any]:
    url = f"{request.repository.api}/actions/artifacts/{number}"
    size = file.stat().st_size
    digest = f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    of = {"id": run["id"], "repository_id": request.repository.id, "head_branch": run["head_branch"]}
    of |= {
        "head_sha": run["head_sha"],
        "head_repository_id": (run.get("head_repository") or request.repository).id,
    }
    known = {
        "id": number,
        "name": name,
        "size_in_bytes": size,
        "url": url,
        "archive_download_url": f"{url}/zip",
    }
    return views.fill("artifact", **known, digest=digest, expired=False, workflow_run=of)


@route("GET", f"{BASE}/actions/runs/{{run_id}}/artifacts", "actions:read")
def artifacts(request: Request) -> dict[str, Any]:
    run, name = run_of(request), request.query.get("name")
    found = [
        (n, *rest)
        for n, rest in artifacts_of(request.repository, run["id"]).items()
        if name in (None, rest[0])
    ]
    page = [artifact_view(request, number, run, *rest) for number, *rest in request.page(found)]
    return {"total_count": len(found), "artifacts": page}


def artifact_by_id(request: Request) -> tuple[dict[str, Any], str, Path]:
    for run in request.repository.runs.values():
        found = artifacts_of(request.repository, run["id"]).get(request.number("artifact_id"))
        if found:
            return run, *found
    raise Refused(404, "Not Found")


@route("GET", f"{BASE}/actions/artifacts/{{artifact_id}}", "actions:read")
def artifact(request: Request) -> dict[str, Any]:
    return artifact_view(request, request.number("artifact_id"), *artifact_by_id(request))


@route("GET", f"{BASE}/actions/artifacts/{{artifact_id}}/{{archive_format}}", "actions:read", 302)
def download(request: Request) -> None:
    if request.parameters["archive_format"] != "zip":
        raise Refused(404, "Not Found")
    request.answer_headers["Location"] = request.github.sign(artifact_by_id(request)[2])


@route("POST", f"{BASE}/actions/workflows/{{workflow_id}}/dispatches", "actions:write", 204)
def dispatch(request: Request) -> Any:
    inputs = {k: str(v) for k, v in (request.body.get("inputs") or {}).items()}
    repository, name, ref = request.repository, request.parameters["workflow_id"], request.body["ref"]
    sha = repository.git.sha(ref)
    if sha is None:
        raise Refused(422, f"No ref found for: {ref}")
    if repository.git.read(sha, f".github/workflows/{name}") is None:
        raise Refused(404, "Not Found")
    repository.dispatch(name, inputs, ref, request.actor)


def variable_view(name: str, value: str) -> dict[str, Any]:
    return views.fill("actions-variable", name=name, value=value)


@route("GET", f"{BASE}/actions/variables", "variables:read")
def variables(request: Request) -> dict[str, Any]:
    found = [variable_view(*pair) for pair in request.repository.variables.items()]
    return {"total_count": len(found), "variables": request.page(found)}


@route("GET", f"{BASE}/actions/variables/{{name}}", "variables:read")
def variable(request: Request) -> dict[str, Any]:
    name = request.parameters["name"].upper()
    if name not in request.repository.variables:
        raise Refused(404, "Not Found")
    return variable_view(name, request.repository.variables[name])


@route("POST", f"{BASE}/actions/variables", "variables:write", 201)
def create_variable(request: Request) -> dict[str, Any]:
    name = request.body["name"].upper()
    if name in request.repository.variables:
        raise Refused(409, "Already exists - Variable already exists")
    request.repository.variables[name] = request.body["value"]
    return {}


@route("PATCH", f"{BASE}/actions/variables/{{name}}", "variables:write", 204)
def update_variable(request: Request) -> None:
    name = request.parameters["name"].upper()
    if name not in request.repository.variables:
        raise Refused(404, "Not Found")
    request.repository.variables[name] = request.body["value"]


@route("GET", f"{BASE}/actions/permissions/workflow", "administration:read")
def permissions(request: Request) -> dict[str, Any]:
    may = request.repository.actions_may_open_pulls
    return {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": may}


@route("PUT", f"{BASE}/actions/permissions/workflow", "administration:write", 204)
def set_permissions(request: Request) -> None:
    body = request.body
    may = body.get("can_approve_pull_request_reviews", request.repository.actions_may_open_pulls)
    request.repository.actions_may_open_pulls = may
