"""Rulesets: kept, and obeyed by pushes and by the refs of the API (creation, update, deletion, non_fast_forward,
pull_request, required_status_checks)."""

from __future__ import annotations

from typing import Any

from tests.github.server import views
from tests.github.server.routing import Refused, Request, route

BASE = "/repos/{owner}/{repo}"


def with_default_branch(request: Request, of: dict[str, Any]) -> dict[str, Any]:
    """What `~DEFAULT_BRANCH` and `~ALL` stand for, as the patterns of push_rules."""
    names = of.get("conditions", {}).get("ref_name", {"include": [], "exclude": []})
    default = {"~DEFAULT_BRANCH": f"refs/heads/{request.repository.default_branch}", "~ALL": "*"}
    conditions = {side: [default.get(p, p) for p in names.get(side, [])] for side in ("include", "exclude")}
    return of | {"conditions": {"ref_name": conditions}}


def view(request: Request, number: int, full: bool = True) -> dict[str, Any]:
    of = request.repository.rulesets[number]
    known = {
        "id": number,
        "name": of["name"],
        "enforcement": of["enforcement"],
        "target": of.get("target", "branch"),
    }
    known |= {"source_type": "Repository", "source": request.repository.full_name}
    if full:
        known |= {name: of[name] for name in ("conditions", "rules", "bypass_actors") if name in of}
    return views.fill("repository-ruleset", **known) | known


@route("GET", f"{BASE}/rulesets", "metadata:read")
def listing(request: Request) -> list[dict[str, Any]]:
    return [view(request, number, full=False) for number in request.repository.rulesets]


@route("GET", f"{BASE}/rulesets/{{ruleset_id}}", "metadata:read")
def one(request: Request) -> dict[str, Any]:
    if request.number("ruleset_id") not in request.repository.rulesets:
        raise Refused(404, "Not Found")
    return view(request, request.number("ruleset_id"))


@route("POST", f"{BASE}/rulesets", "administration:write", 201)
def create(request: Request) -> dict[str, Any]:
    if any(r["name"] == request.body["name"] for r in request.repository.rulesets.values()):
        raise Refused(422, "Validation Failed", errors=["Name must be unique"])
    number = next(request.github.ids)
    request.repository.rulesets[number] = with_default_branch(request, request.body)
    return view(request, number)


@route("PUT", f"{BASE}/rulesets/{{ruleset_id}}", "administration:write")
def update(request: Request) -> dict[str, Any]:
    number = request.number("ruleset_id")
    if number not in request.repository.rulesets:
        raise Refused(404, "Not Found")
    request.repository.rulesets[number] |= with_default_branch(request, request.body)
    return view(request, number)
