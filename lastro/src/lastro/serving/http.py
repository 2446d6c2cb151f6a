"""The ASGI app: which path answers what, how a body is read, and when a request is turned away."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import orjson

from ..artifact.errors import RefusedError
from . import interface
from .bodies import JSON, media_type, read
from .logs import log
from .metrics import Metrics
from .model import Model
from .page import POLICY, page
from .pieces import read_pieces
from .settings import Settings

INLINE, INLINE_CELLS = 256 * 2**10, 10_000
"""Bytes and cells. A smaller body, some milliseconds of work, is scored at once; a larger one in a thread, so that /ping and
the others do not wait for it. A body of more bytes counts in the budget."""
BUDGET = 2
"""Bodies and answers that a worker holds at once, in multiples of the largest body."""
AT_ONCE = 16 * 2**10
"""Bytes of an answer that are left to the connection; the request is over when no more than that is unread."""
ALIVE = ("/ping", "/health")
"""Answered on every port."""
_JSON, _TEXT, _HTML = JSON.encode(), b"text/plain; charset=utf-8", b"text/html; charset=utf-8"
_PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")

Header = tuple[bytes, bytes]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Answer(NamedTuple):
    """What is sent back; headers: those beside Content-Type and Content-Length."""

    status: int
    body: bytes
    media: bytes = _JSON
    headers: tuple[Header, ...] = ()


class Held:
    """What a worker holds for one request: its body until it is read, its answer until it is sent."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.answer: list[bytes] = []

    def __len__(self) -> int:
        return len(self.body) + sum(map(len, self.answer))


class GoneError(Exception):
    """The client went away before its body had come."""


class App:
    """One worker's app."""

    def __init__(self, model: Model, release: dict[str, Any], settings: Settings):
        self._model, self._settings = model, settings
        self._metrics = Metrics(release)
        self._held: set[Held] = set()
        self._thread = ThreadPoolExecutor(1, "scoring")
        described = interface.schema(model, settings.ranges)
        safe = (_NO_SNIFFING,)
        self._fixed = {
            "/": Answer(307, b"", _TEXT, ((b"location", b"docs"),)),
            "/ping": Answer(200, b"\n", _TEXT, safe),
            "/health": Answer(200, b"\n", _TEXT, safe),
            "/version": Answer(200, orjson.dumps(release), headers=safe),
            "/schema": Answer(200, orjson.dumps(described), headers=safe),
            "/openapi.json": Answer(200, orjson.dumps(interface.openapi(model, release)), headers=safe),
            "/docs": Answer(
                200,
                page(described, release).encode(),
                _HTML,
                ((b"content-security-policy", POLICY.encode()), _NO_SNIFFING),
            ),
        }
        # The first request is as fast as the others.
        self._score(JSON, orjson.dumps({"dataframe_split": model.example}), Held())

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request; see the ASGI specification, asgi.readthedocs.io."""
        begun = time.perf_counter()
        method, path = scope["method"], scope["path"]
        headers = dict(scope["headers"])
        held = Held()
        try:
            if not self._is_open(path, scope):
                answer = _refused(RefusedError(404, "not_found", "no such path"))
            elif path == "/invocations":
                answer = await self._invocations(method, headers, receive, held)
                self._metrics.latency.observe(time.perf_counter() - begun)
            else:
                answer = self._other(method, path)
            if path not in self._fixed and path not in ("/invocations", "/metrics"):
                path = "other"
            self._metrics.count(path, answer.status)
            request = headers.get(b"x-request-id", b"")
            if not (len(request) <= 128 and request.isascii() and request.decode("ascii").isprintable()):
                request = b""
            if request:
                answer = answer._replace(headers=(*answer.headers, (b"x-request-id", request)))
            await self._send(scope, answer, method == "HEAD", held, send)
        except GoneError:
            return
        finally:
            self._held.discard(held)
        if self._settings.log == "requests":
            milliseconds = round((time.perf_counter() - begun) * 1000, 3)
            found = {"method": method, "path": path, "status": answer.status, "ms": milliseconds}
            log("info", "request", **found, request_id=request.decode() or os.urandom(8).hex())

    async def _send(self, scope: dict[str, Any], answer: Answer, head: bool, held: Held, send: Send) -> None:
        parts = held.answer or [answer.body]
        size = sum(map(len, parts))
        lines = [(b"content-type", answer.media), (b"content-length", b"%d" % size), *answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": lines})
        if head or size <= AT_ONCE:
            await send({"type": "http.response.body", "body": b"" if head else b"".join(parts)})
            return
        try:
            async with asyncio.timeout(self._settings.timeout):
                # The next one waits until the one before is read, and the last is empty.
                parts.reverse()
                while parts:
                    await send({"type": "http.response.body", "body": parts.pop(), "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            scope["abort"]()
            raise GoneError from None

    def _is_open(self, path: str, scope: dict[str, Any]) -> bool:
        """Return whether the port that was asked is the one for this path."""
        if not self._settings.info or path in ALIVE:
            return True
        port = scope["server"][1]
        return (str(port) == self._settings.info) == (path in self._fixed or path == "/metrics")

    def _other(self, method: str, path: str) -> Answer:
        if path not in self._fixed and path != "/metrics":
            return _refused(RefusedError(404, "not_found", "no such path; GET /docs shows the paths"))
        if method not in ("GET", "HEAD"):
            return _refused(RefusedError(405, "method_not_allowed", "expected GET"), (b"allow", b"GET, HEAD"))
        if path == "/metrics":
            return Answer(200, self._metrics.text(), _PROMETHEUS)
        return self._fixed[path]

    async def _invocations(
        self, method: str, headers: dict[bytes, bytes], receive: Receive, held: Held
    ) -> Answer:
        if method != "POST":
            return _refused(RefusedError(405, "method_not_allowed", "expected POST"), (b"allow", b"POST"))
        try:
            if len(self._held) >= self._settings.queue:
                raise _busy()
            self._held.add(held)
            media = media_type(headers.get(b"content-type", b"").decode("latin-1"))
            if headers.get(b"content-encoding", b"identity") != b"identity":
                raise RefusedError(415, "unsupported_encoding", "expected a body without Content-Encoding")
            length = headers.get(b"content-length", b"")
            if length.isdigit() and int(length) > self._settings.max_body:
                raise self._too_large()
            body = await self._read_body(receive, held)
            if len(body) <= INLINE and body.count(b",") + body.count(b"\n") <= INLINE_CELLS:
                rows = self._score(media, body, held)
            else:
                loop = asyncio.get_running_loop()
                rows = await loop.run_in_executor(self._thread, self._score, media, body, held)
        except RefusedError as refusal:
            held.answer.clear()
            self._metrics.errors.labels(refusal.kind).inc()
            # What is still to come of a body is passed over, unless it will not come.
            unread = refusal.status == 408 or b"expect" in headers
            lines = [(b"connection", b"close")] if unread else []
            lines += [(b"retry-after", b"1")] if refusal.status == 503 else []
            return _refused(refusal, *lines)
        except GoneError:
            raise
        except Exception as error:
            held.answer.clear()
            log("error", "a request failed", error)
            return _refused(RefusedError(500, "internal_error", "the scoring app failed; see its log"))
        self._metrics.rows.inc(rows)
        return Answer(200, b"")

    def _score(self, media: str, body: bytes | bytearray, held: Held) -> int:
        """Write the answer; the number of its rows. A bytearray is read and answered in pieces."""
        columns, max_rows = self._model.columns, self._settings.max_rows
        if isinstance(body, bytes):
            answer, rows = self._model.answer(read(media, body, columns, max_rows))
            held.answer.append(answer)
            return rows
        rows = 0
        for part, n in self._model.parts(read_pieces(media, body, columns, max_rows)):
            held.answer.append(part)
            self._refuse_over_budget(held)
            rows += n
        return rows

    def _refuse_over_budget(self, held: Held) -> None:
        """Refuse what makes the worker hold more than it may; 413 where it holds nothing else that will go."""
        budget = BUDGET * self._settings.max_body
        if sum(map(len, list(self._held))) > budget:
            if len(held) > budget:
                problem = "the answer is too large; send the rows in several requests"
                raise RefusedError(413, "answer_too_large", problem)
            raise _busy()

    async def _read_body(self, receive: Receive, held: Held) -> bytes | bytearray:
        try:
            async with asyncio.timeout(self._settings.timeout):
                message = await receive()
                while True:
                    if message["type"] == "http.disconnect":
                        raise GoneError
                    part = message.get("body", b"")
                    if len(held.body) + len(part) > self._settings.max_body:
                        raise self._too_large()
                    if not message.get("more_body"):
                        break
                    held.body += part
                    if len(held.body) > INLINE:
                        self._refuse_over_budget(held)
                    message = await receive()
        except TimeoutError:
            problem = f"the body did not come in {self._settings.timeout:g} s"
            raise RefusedError(408, "timeout", problem) from None
        if not held.body:
            return part
        held.body += part
        if len(held.body) > INLINE:
            return held.body
        whole = bytes(held.body)
        held.body.clear()
        return whole

    def _too_large(self) -> RefusedError:
        return RefusedError(413, "body_too_large", f"the body is larger than {self._settings.max_body} bytes")


def _busy() -> RefusedError:
    return RefusedError(503, "busy", "too many requests at once; try again")


def _refused(refusal: RefusedError, *headers: Header) -> Answer:
    return Answer(refusal.status, orjson.dumps(refusal.to_json()), headers=headers)
