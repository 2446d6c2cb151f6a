"""Coverage-guided fuzzing of the scoring app, by atheris: `make fuzz`, or `python -m tests.serving.fuzz [OPTIONS]`.

An input is four bytes that choose model, method, path and headers, and the body. Whatever is sent: no 5xx, no exception, a
refusal is JSON, and nothing of the body comes back.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["lastro.serving"]):
    from lastro.serving import bodies, http
    from lastro.serving.http import App
    from lastro.serving.model import Model
    from lastro.serving.settings import Settings

HERE = Path(__file__).parent
CANARY = b"Kn4ry"
"""Stands in the seeds where a message could be tempted to quote what was sent."""
METHODS = ("POST", "GET", "HEAD", "PUT", "")
PATHS = ("/invocations", "/ping", "/metrics", "/schema", "/docs", "/", "/%00", "", "/invocations/")
HEADERS: tuple[list[tuple[bytes, bytes]], ...] = (
    [(b"content-type", b"application/json")],
    [(b"content-type", b"text/csv")],
    [(b"content-type", b"application/vnd.apache.parquet")],
    [(b"content-type", b"application/json; charset=utf-8")],
    [(b"content-type", b"APPLICATION/JSON;charset=latin-1")],
    [(b"content-type", b"text/csv"), (b"content-type", b"\xff\xfe;=;;")],
    [(b"content-type", b"application/json"), (b"content-length", b"99999999999999999999")],
    [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")],
    [(b"content-type", b"application/json"), (b"x-request-id", b"\x00\xff")],
    [],
)


def make_models(root: Path, folder: Path) -> list[Model]:
    """Three classes with every kind of column, and nothing but numbers, which have a reader of their own."""
    from tests.serving.conftest import log_model

    models = []
    for name, left_out in (("mixed", []), ("numbers", ["open", "city", "since", "void"])):
        (folder / name).mkdir()
        models.append(Model(log_model(root, folder / name, "xgboost", "three", left_out)[0]))
    return models


async def request(app: App, data: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of the answer to an input."""
    head, body = data[:4].ljust(4, b"\0"), data[4:]
    # In one piece or two.
    parts = [body] if head[3] % 2 else [body[: len(body) // 2], body[len(body) // 2 :]]
    scope = {
        "type": "http",
        "method": METHODS[head[1] % len(METHODS)],
        "path": PATHS[head[2] % len(PATHS)],
        "headers": HEADERS[head[3] // 2 % len(HEADERS)],
    }
    sent = []

    async def receive() -> dict:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: dict) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(part["body"] for part in sent[1:])


def check(status: int, headers: dict[bytes, bytes], answer: bytes, path: str) -> None:
    """Raises AssertionError where the answer is none that the app may give."""
    assert status < 500, (status, answer)
    assert CANARY not in answer, answer
    if status >= 400 and answer:
        assert headers[b"content-type"] == b"application/json"
        assert {"error_code", "message"} <= json.loads(answer).keys()
    if status == 200 and path == "/invocations":
        assert "predictions" in json.loads(answer)


def main() -> None:
    # Small bodies reach the thread and the reader of large ones too.
    http.INLINE, bodies.FAST_FROM = 2000, 0
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory() as folder:
        models = make_models(HERE.parents[3], Path(folder))
        settings = Settings(max_rows=200, max_body=100_000, timeout=20)
        apps = [App(model, {"name": "fuzzed"}, settings) for model in models]

    def one(data: bytes) -> None:
        app = apps[data[0] % 2 if data else 0]
        status, headers, answer = loop.run_until_complete(request(app, data))
        check(status, headers, answer, PATHS[(data[2] if len(data) > 2 else 0) % len(PATHS)])

    options = [option for option in sys.argv[1:] if option.startswith("-")]
    # libFuzzer adds what it finds to the first folder; the seeds are only read.
    found = [option for option in sys.argv[1:] if not option.startswith("-")] or [tempfile.mkdtemp()]
    for place in found:
        os.makedirs(place, exist_ok=True)
    own = [f"-dict={HERE / 'words.dict'}", "-max_len=6000", "-timeout=30"]
    atheris.Setup([sys.argv[0], *own, *options, *found, str(HERE / "seeds")], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
