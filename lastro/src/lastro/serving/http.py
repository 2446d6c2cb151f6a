"""The ASGI app: which path answers what, how a body is read, and when a request is turned away."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import orjson

from . import interface
from .bodies import JSON, media_type, read
from .errors import RefusedError
from .logs import log
from .metrics import Metrics
from .model import Model
from .page import POLICY, page
from .settings import Settings

INLINE = 256 * 2**10
"""Bytes. A smaller body, some milliseconds of work, is scored at once; a larger one in a thread, so that /ping and the others
do not wait for it."""
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


class GoneError(Exception):
    """The client went away before its body had come."""


class App:
    """One worker's app."""

    def __init__(self, model: Model, release: dict[str, Any], settings: Settings):
        self._model, self._settings = model, settings
        self._metrics = Metrics(release)
        self._busy = 0
        self._thread = ThreadPoolExecutor(1, "scoring")
        described = interface.schema(model)
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
        self._score(JSON, orjson.dumps({"dataframe_split": model.example}))

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request; see the ASGI specification, asgi.readthedocs.io."""
        begun = time.perf_counter()
        method, path = scope["method"], scope["path"]
        headers = dict(scope["headers"])
        try:
            if path == "/invocations":
                answer = await self._invocations(method, headers, receive)
                self._metrics.latency.observe(time.perf_counter() - begun)
            else:
                answer = self._other(method, path)
        except GoneError:
            return
        except Exception as error:
            log("error", "a request failed", error)
            answer = _refused(RefusedError(500, "internal_error", "the scoring app failed; see its log"))
        if path not in self._fixed and path not in ("/invocations", "/metrics"):
            path = "other"
        self._metrics.count(path, answer.status)
        lines = [(b"content-type", answer.media), (b"content-length", b"%d" % len(answer.body))]
        lines += answer.headers
        request = headers.get(b"x-request-id", b"")
        if not (len(request) <= 128 and request.isascii() and request.decode("ascii").isprintable()):
            request = b""
        if request:
            lines.append((b"x-request-id", request))
        await send({"type": "http.response.start", "status": answer.status, "headers": lines})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
        if self._settings.log == "requests":
            milliseconds = round((time.perf_counter() - begun) * 1000, 3)
            found = {"method": method, "path": path, "status": answer.status, "ms": milliseconds}
            log("info", "request", **found, request_id=request.decode() or os.urandom(8).hex())

    def _other(self, method: str, path: str) -> Answer:
        if path not in self._fixed and path != "/metrics":
            return _refused(RefusedError(404, "not_found", "no such path; GET /docs shows the paths"))
        if method not in ("GET", "HEAD"):
            return _refused(RefusedError(405, "method_not_allowed", "expected GET"), (b"allow", b"GET, HEAD"))
        if path == "/metrics":
            return Answer(200, self._metrics.text(), _PROMETHEUS)
        return self._fixed[path]

    async def _invocations(self, method: str, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        if method != "POST":
            return _refused(RefusedError(405, "method_not_allowed", "expected POST"), (b"allow", b"POST"))
        if self._busy >= self._settings.queue:
            refusal = RefusedError(503, "busy", "too many requests at once; try again")
            return self._count_refused(refusal, (b"retry-after", b"1"))
        self._busy += 1
        try:
            media = media_type(headers.get(b"content-type", b"").decode("latin-1"))
            if headers.get(b"content-encoding", b"identity") != b"identity":
                raise RefusedError(415, "unsupported_encoding", "expected a body without Content-Encoding")
            length = headers.get(b"content-length", b"")
            if length.isdigit() and int(length) > self._settings.max_body:
                raise self._too_large()
            body = await self._read_body(receive)
            if len(body) <= INLINE:
                answer, rows = self._score(media, body)
            else:
                loop = asyncio.get_running_loop()
                answer, rows = await loop.run_in_executor(self._thread, self._score, media, body)
        except RefusedError as refusal:
            # What was not read of the body would be taken for the next request.
            closes = refusal.status in (408, 413, 415)
            return self._count_refused(refusal, *(((b"connection", b"close"),) if closes else ()))
        finally:
            self._busy -= 1
        self._metrics.rows.inc(rows)
        return Answer(200, answer)

    def _score(self, media: str, body: bytes) -> tuple[bytes, int]:
        return self._model.answer(read(media, body, self._model.columns, self._settings.max_rows))

    async def _read_body(self, receive: Receive) -> bytes:
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._settings.timeout):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise GoneError
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self._settings.max_body:
                        raise self._too_large()
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            problem = f"the body did not come in {self._settings.timeout:g} s"
            raise RefusedError(408, "timeout", problem) from None

    def _too_large(self) -> RefusedError:
        return RefusedError(413, "body_too_large", f"the body is larger than {self._settings.max_body} bytes")

    def _count_refused(self, refusal: RefusedError, *headers: Header) -> Answer:
        self._metrics.errors.labels(refusal.kind).inc()
        return _refused(refusal, *headers)


def _refused(refusal: RefusedError, *headers: Header) -> Answer:
    return Answer(refusal.status, orjson.dumps(refusal.to_json()), headers=headers)
