"""HTTP: who asks, may they, is the request what GitHub describes; then the route; then the same for the answer."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.github.openapi import description
from tests.github.server import registry, smart_http
from tests.github.server.routing import Refused, Request, find
from tests.github.server.tokens import allows

if TYPE_CHECKING:
    from tests.github.server import GitHub

API = "/api/v3"


class Handler(BaseHTTPRequestHandler):
    """One request; `github` is set by the server that makes the class its own."""

    github: GitHub
    storage = False  # the second host: uploads, and downloads by a signed link
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Silent: what went wrong is in `GitHub.violations`."""

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """The parts of a chunked body."""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def reply(self, status: int, headers: dict[str, str], body: bytes | None) -> None:
        """Answer; without a body the headers say its length."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if body is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(body)

    def handle_one(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        if path.startswith("/v2/") and self.github.registry:
            return registry.forward(self, self.github)
        body = self._body()
        if self.storage and path.startswith("/signed/"):
            return self.reply(*self.github.signed(path, self.headers))
        if path.startswith("/_allows/") and not self.storage:
            return self.reply(self._allows(path), {}, b"")
        if not path.startswith(API) and not self.storage:
            answer = smart_http.serve(self.github, self.command, path, parts.query, self.headers, body)
            return self.reply(*answer)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = Request(
            self.github, self.command, path.removeprefix(API), query, None, body, self.headers, None
        )
        try:
            with self.github.lock:
                status, answer = self._api(request)
        except Refused as refused:
            status, answer = refused.status, refused.body
        except Exception:
            self.github.violations.append(f"{self.command} {path}: {traceback.format_exc()}")
            status, answer = 500, {"message": "the stand-in for GitHub failed"}
        headers = {"Content-Type": "application/json; charset=utf-8", **request.answer_headers}
        self.github.requests.append((self.command, request.path, status, request.actor))
        self.reply(status, headers, b"" if answer is None else json.dumps(answer).encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_one  # noqa: N815

    def _allows(self, path: str) -> int:
        """Not GitHub's: 204 where the token holds a permission; for what is checked elsewhere than in the REST API."""
        _, _, owner, name, need = path.split("/")
        try:
            token = smart_http.token_of(self.github, self.headers.get("Authorization", ""))
        except PermissionError:
            return 401
        repository = self.github.repositories[f"{owner}/{name}"]
        return 204 if token and allows(repository.permissions(token), need) else 403

    def _api(self, request: Request) -> tuple[int, Any]:
        where = f"{request.method} {request.path}"
        found = find(request.method, request.path)
        if found is None:
            self.github.violations.append(f"{where}: not a path that this stand-in has")
            raise Refused(404, "Not Found")
        route, request.parameters = found
        try:
            request.token = smart_http.token_of(self.github, self.headers.get("Authorization", ""))
        except PermissionError:
            raise Refused(401, "Bad credentials") from None
        if not self.headers.get("User-Agent"):
            raise Refused(403, "Request forbidden by administrative rules. Please add a User-Agent header")
        if "owner" not in request.parameters:
            # Of nobody's repository: the person that the token is of.
            if request.token is None or request.token.is_job:
                raise Refused(403, "Resource not accessible by integration")
            return route.status, route.handler(request)
        full_name = f"{request.parameters['owner']}/{request.parameters['repo']}"
        if full_name in self.github.renamed:
            place = request.path.replace(full_name, self.github.renamed[full_name], 1)
            request.answer_headers["Location"] = f"{self.github.api_url}{place}"
            return 301 if route.method == "GET" else 307, {"message": "Moved Permanently"}
        if full_name not in self.github.repositories:
            raise Refused(404, "Not Found")
        request.repository = self.github.repositories[full_name]
        if request.token is None and (route.method != "GET" or request.repository.private):
            raise Refused(404 if route.method == "GET" else 401, "Requires authentication")
        permissions = request.repository.permissions(request.token) if request.token else {}
        if request.token and not allows(permissions, route.needs):
            job = request.token.is_job
            message = (
                "Resource not accessible by integration" if job else "Must have admin rights to Repository."
            )
            raise Refused(403, message)
        operation = description().operation(route.method, route.template)
        if request.raw and "json" in self.headers.get("Content-Type", "json"):
            try:
                request.body = json.loads(request.raw)
            except ValueError:
                raise Refused(400, "Problems parsing JSON") from None
        if errors := operation.request_errors(request.query, request.body):
            self.github.violations.append(f"{where}: the request: {'; '.join(errors)}")
            raise Refused(422, "Invalid request.\n\n" + "; ".join(errors))
        request.body = {} if request.body is None else request.body
        request.repository.sync()
        answer = route.handler(request)
        status, answer = answer if isinstance(answer, tuple) else (route.status, answer)
        if isinstance(answer, list) and "page" in operation.queries:
            answer = request.page(answer)
        if errors := operation.answer_errors(status, answer):
            self.github.violations.append(f"{where}: our answer {status}: {'; '.join(errors)}")
        return status, answer
