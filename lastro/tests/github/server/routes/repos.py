"""The repository itself."""

from __future__ import annotations

from typing import Any

from tests.github.server import views
from tests.github.server.routing import Request, route


@route("GET", "/user", "metadata:read")
def user(request: Request) -> dict[str, Any]:
    return views.fill("public-user", **views.user(request.actor))


@route("GET", "/repos/{owner}/{repo}", "metadata:read")
def one(request: Request) -> dict[str, Any]:
    return views.repository(request.repository)


@route("PATCH", "/repos/{owner}/{repo}", "administration:write")
def update(request: Request) -> dict[str, Any]:
    request.repository.default_branch = request.body.get("default_branch", request.repository.default_branch)
    return views.repository(request.repository)
