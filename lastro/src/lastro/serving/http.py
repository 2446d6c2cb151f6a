"""The ASGI app: which path answers what, how a body is read, and when a request is turned away."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from . import interface
from .bodies import JSON, media_type, read
from .errors import RefusedError
from .metrics import Measures
from .model import Model
from .page import POLICY, page
from .settings import Settings

INLINE = 256 * 2**10
"""Bytes. A smaller body, some milliseconds of work, is scored at once; a larger one in a thread, so that /ping and the others
do not wait for it."""
_TEXT, _HTML = b"text/plain; charset=utf-8", b"text/html; charset=utf-8"
_PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class GoneError(Exception):
    """The client went away before its body had come."""


class App:
    """One worker's app."""

    def __init__(self, model: Model, release: dict[str, Any], settings: Settings):
        self._model, self._settings = model, settings
        self._measures = Measures(release)
        self._busy = 0
        self._thread = ThreadPoolExecutor(1, "scoring")
        described = interface.schema(model)
        self._fixed = {
            "/": (b"", _TEXT),
            "/ping": (b"\n", _TEXT),
            "/health": (b"\n", _TEXT),
            "/version": (orjson.dumps(release), JSON.encode()),
            "/schema": (orjson.dumps(described), JSON.encode()),
            "/openapi.json": (orjson.dumps(interface.openapi(model, release)), JSON.encode()),
            "/docs": (page(described, release).encode(), _HTML),
        }
        # The first request is as fast as the others.
        model.answer(read(JSON, orjson.dumps({"dataframe_split": model.example}), model.columns, 1))

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """See the ASGI specification, asgi.readthedocs.io."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        path = scope["path"]
        headers = dict(scope["headers"])
        try:
            if path == "/invocations":
                status, body, kind, extra = await self._invocations(scope["method"], headers, receive)
                self._measures.latency.observe(time.perf_counter() - begun)
            else:
                status, body, kind, extra = self._other(scope["method"], path)
        except GoneError:
            return
        except Exception:
            # Never seen by a client in words: they may hold what the request held.
            _log({"level": "error", "path": path, "trace": traceback.format_exc()})
            status, body, kind, extra = _refused(
                RefusedError(500, "internal_error", "the scoring app failed; see its log")
            )
        self._measures.count(
            path if path in self._fixed or path in ("/invocations", "/metrics") else "other", status
        )
        lines = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *extra]
        request = headers.get(b"x-request-id", b"")
        if request and len(request) <= 128 and request.isascii() and request.decode("ascii").isprintable():
            lines.append((b"x-request-id", request))
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        if self._settings.log == "requests":
            _log(
                {
                    "method": scope["method"],
                    "path": path,
                    "status": status,
                    "ms": round((time.perf_counter() - begun) * 1000, 3),
                    "request_id": lines[-1][1].decode()
                    if lines[-1][0] == b"x-request-id"
                    else os.urandom(8).hex(),
                }
            )

    def _other(self, method: str, path: str) -> tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]:
        if path not in self._fixed and path != "/metrics":
            return _refused(RefusedError(404, "not_found", "no such path; GET /docs shows the paths"))
        if method not in ("GET", "HEAD"):
            return _refused(RefusedError(405, "method_not_allowed", "expected GET"), (b"allow", b"GET, HEAD"))
        if path == "/":
            return 307, b"", _TEXT, [(b"location", b"docs")]
        if path == "/metrics":
            return 200, self._measures.text(), _PROMETHEUS, []
        body, kind = self._fixed[path]
        extra = [(b"content-security-policy", POLICY.encode())] if kind == _HTML else []
        return 200, body, kind, [*extra, (b"x-content-type-options", b"nosniff")]

    async def _invocations(
        self, method: str, headers: dict[bytes, bytes], receive: Receive
    ) -> tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]:
        if method != "POST":
            return _refused(RefusedError(405, "method_not_allowed", "expected POST"), (b"allow", b"POST"))
        if self._busy >= self._settings.queue:
            return self._refuse(
                RefusedError(503, "busy", "too many requests at once; try again"), (b"retry-after", b"1")
            )
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
                answer, rows = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._score, media, body
                )
        except RefusedError as refusal:
            # What was not read of the body would be taken for the next request.
            closes = refusal.status in (408, 413, 415)
            return self._refuse(refusal, *(((b"connection", b"close"),) if closes else ()))
        finally:
            self._busy -= 1
        self._measures.rows.inc(rows)
        return 200, answer, JSON.encode(), []

    def _score(self, media: str, body: bytes) -> tuple[bytes, int]:
        return self._model.answer(read(media, body, self._model.columns, self._settings.max_rows))

    async def _read_body(self, receive: Receive) -> bytes:
        first = await self._receive_in_time(receive)
        if not first.get("more_body"):
            body = first.get("body", b"")
            if len(body) > self._settings.max_body:
                raise self._too_large()
            return body
        parts, size = [], 0
        deadline = asyncio.get_running_loop().time() + self._settings.timeout
        message = first
        while True:
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._settings.max_body:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(parts)
            message = await self._receive_in_time(receive, deadline)

    async def _receive_in_time(self, receive: Receive, deadline: float | None = None) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline or loop.time() + self._settings.timeout):
                message = await receive()
        except TimeoutError:
            raise RefusedError(
                408, "timeout", f"the body did not come in {self._settings.timeout:g} s"
            ) from None
        if message["type"] == "http.disconnect":
            raise GoneError
        return message

    def _too_large(self) -> RefusedError:
        return RefusedError(413, "body_too_large", f"the body is larger than {self._settings.max_body} bytes")

    def _refuse(
        self, refusal: RefusedError, *extra: tuple[bytes, bytes]
    ) -> tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]:
        self._measures.errors.labels(refusal.kind).inc()
        return _refused(refusal, *extra)


def _refused(
    refusal: RefusedError, *extra: tuple[bytes, bytes]
) -> tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]:
    return refusal.status, orjson.dumps(refusal.to_json()), JSON.encode(), list(extra)


def _log(content: dict[str, Any]) -> None:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"time": moment, **content}), file=sys.stderr, flush=True)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
