"""The table of endpoints: each route names GitHub's own path and the permission that GitHub documents for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.github.server import GitHub
    from tests.github.server.repository import Repository
    from tests.github.server.tokens import Token

# Parameters that may hold slashes.
LONG = {"ref", "path", "basehead", "branch"}


class Refused(Exception):  # noqa: N818 (an answer, not a fault)
    """An error answer of GitHub's."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "message": message,
            "documentation_url": "https://docs.github.com/rest",
            "status": str(status),
        }
        self.body |= more


def invalid(resource: str, **field_and_message: str) -> Refused:
    """422 Validation Failed."""
    errors = [
        {"resource": resource, "code": "custom", "field": name, "message": text}
        for name, text in field_and_message.items()
    ]
    return Refused(422, "Validation Failed", errors=errors)


@dataclass
class Request:
    github: GitHub
    method: str
    path: str
    query: dict[str, str]
    body: Any
    raw: bytes
    headers: Any
    token: Token | None
    repository: Repository = None  # type: ignore[assignment]
    parameters: dict[str, str] = field(default_factory=dict)
    answer_headers: dict[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        return self.token.actor if self.token else ""

    def number(self, name: str) -> int:
        """An id of the path. Raises Refused where it is not a number."""
        if not self.parameters[name].isdigit():
            raise Refused(404, "Not Found")
        return int(self.parameters[name])

    def page(self, items: list[Any]) -> list[Any]:
        """The page that was asked for; the Link header leads on."""
        size = max(1, min(int(self.query.get("per_page", 30)), 100))
        page, last = int(self.query.get("page", 1)), max(1, -(-len(items) // size))
        links = {"next": page + 1, "last": last} if page < last else {}
        links |= {"first": 1, "prev": page - 1} if page > 1 else {}
        if links:
            others = "".join(f"{k}={v}&" for k, v in self.query.items() if k != "page")
            url = f"{self.github.api_url}{self.path}?{others}page="
            self.answer_headers["Link"] = ", ".join(f'<{url}{n}>; rel="{rel}"' for rel, n in links.items())
        return items[(page - 1) * size : page * size]


Handler = Callable[[Request], Any]


@dataclass(frozen=True)
class Route:
    method: str
    template: str
    needs: str
    status: int
    handler: Handler
    pattern: re.Pattern[str]


ROUTES: list[Route] = []


def route(method: str, template: str, needs: str, status: int = 200) -> Callable[[Handler], Handler]:
    """Register a handler; it gives the body, or (status, body), or raises Refused."""

    def register(handler: Handler) -> Handler:
        def group(match: re.Match[str]) -> str:
            return f"(?P<{match[1]}>{'.+' if match[1] in LONG else '[^/]+'})"

        pattern = re.compile(re.sub(r"\{(\w+)\}", group, template) + "$")
        ROUTES.append(Route(method, template, needs, status, handler, pattern))
        return handler

    return register


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a request; of several the one that says most literally."""
    found = [(r, m.groupdict()) for r in ROUTES if r.method == method and (m := r.pattern.match(path))]
    return max(found, key=lambda pair: len(re.sub(r"\{\w+\}", "", pair[0].template)), default=None)
