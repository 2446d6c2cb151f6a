"""Environments and deployments."""

from __future__ import annotations

from typing import Any

from tests.github.server import views
from tests.github.server.pulls import now
from tests.github.server.routing import Refused, Request, route

BASE = "/repos/{owner}/{repo}"


def environment_view(request: Request, name: str) -> dict[str, Any]:
    of = request.repository.environments[name]
    reviewers = [
        {"type": r["type"], "reviewer": views.user(f"id-{r['id']}") | {"id": r["id"]}}
        for r in of.get("reviewers") or ()
    ]
    rules = (
        [{"id": 1, "node_id": "1", "type": "required_reviewers", "reviewers": reviewers}] if reviewers else []
    )
    policy = of.get("deployment_branch_policy")
    return views.fill("environment", name=name, protection_rules=rules, deployment_branch_policy=policy)


@route("GET", f"{BASE}/environments", "actions:read")
def environments(request: Request) -> dict[str, Any]:
    found = [environment_view(request, name) for name in request.repository.environments]
    return {"total_count": len(found), "environments": request.page(found)}


@route("GET", f"{BASE}/environments/{{environment_name}}", "actions:read")
def environment(request: Request) -> dict[str, Any]:
    if request.parameters["environment_name"] not in request.repository.environments:
        raise Refused(404, "Not Found")
    return environment_view(request, request.parameters["environment_name"])


@route("PUT", f"{BASE}/environments/{{environment_name}}", "administration:write")
def put_environment(request: Request) -> dict[str, Any]:
    name = request.parameters["environment_name"]
    if request.body.get("reviewers") and not request.repository.reviewers_allowed:
        raise Refused(
            422,
            "Failed to create the environment protection rule. Please ensure the billing plan supports it.",
        )
    policies = request.repository.environments.get(name, {}).get("policies", [])
    request.repository.environments[name] = dict(request.body) | {"policies": policies}
    return environment_view(request, name)


def policies_of(request: Request) -> list[dict[str, Any]]:
    """The patterns of branches and tags that may deploy to the environment."""
    name = request.parameters["environment_name"]
    environment = request.repository.environments.get(name, {})
    if not (environment.get("deployment_branch_policy") or {}).get("custom_branch_policies"):
        raise Refused(404, "Not Found")
    return environment.setdefault("policies", [])


@route("GET", f"{BASE}/environments/{{environment_name}}/deployment-branch-policies", "actions:read")
def policies(request: Request) -> dict[str, Any]:
    found = policies_of(request)
    return {"total_count": len(found), "branch_policies": request.page(found)}


@route(
    "POST",
    f"{BASE}/environments/{{environment_name}}/deployment-branch-policies",
    "administration:write",
    200,
)
def add_policy(request: Request) -> dict[str, Any]:
    found = policies_of(request)
    made = {"id": len(found) + 1, "node_id": "", "type": "branch", **request.body}
    found.append(made)
    return made


def deployment_view(of: dict[str, Any]) -> dict[str, Any]:
    known = {k: v for k, v in of.items() if k not in ("statuses", "creator")}
    return views.fill("deployment", **known, creator=views.user(of["creator"]))


@route("GET", f"{BASE}/deployments", "deployments:read")
def deployments(request: Request) -> list[dict[str, Any]]:
    found = list(reversed(request.repository.deployments.values()))
    for name in ("sha", "ref", "environment", "task"):
        found = [d for d in found if name not in request.query or d[name] == request.query[name]]
    return [deployment_view(d) for d in found]


@route("POST", f"{BASE}/deployments", "deployments:write", 201)
def create(request: Request) -> dict[str, Any]:
    body = request.body
    sha = request.repository.git.sha(body["ref"])
    if sha is None:
        raise Refused(422, f"No ref found for: {body['ref']}")
    made = {
        "id": next(request.github.ids),
        "sha": sha,
        "ref": body["ref"],
        "task": body.get("task", "deploy"),
    }
    made |= {"environment": body.get("environment", "production"), "description": body.get("description")}
    made |= {
        "creator": request.actor,
        "created_at": now(),
        "updated_at": now(),
        "payload": body.get("payload", {}),
    }
    request.repository.deployments[made["id"]] = made | {"statuses": []}
    return deployment_view(made)


@route("POST", f"{BASE}/deployments/{{deployment_id}}/statuses", "deployments:write", 201)
def create_status(request: Request) -> dict[str, Any]:
    found = request.repository.deployments.get(request.number("deployment_id"))
    if found is None:
        raise Refused(404, "Not Found")
    made = {
        "id": next(request.github.ids),
        "state": request.body["state"],
        "created_at": now(),
        "updated_at": now(),
    }
    made |= {"description": request.body.get("description", ""), "environment": found["environment"]}
    made["log_url"] = request.body.get("log_url") or request.github.url
    found["statuses"].insert(0, made)
    return views.fill("deployment-status", **made, creator=views.user(request.actor))
