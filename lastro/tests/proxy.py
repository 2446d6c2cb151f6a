"""An HTTP proxy on loopback that names the requests to a server, and can hold one of them while something breaks."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "server", "date"}
"""Headers that belong to one connection, and those that are written anew."""


@dataclass
class Hold:
    """The request that is held.

    Attributes:
        number: counted from 0.
        moment: before the server gets the request, or after it has answered and before the client hears of it.
        lost: on release the connection is closed; otherwise the request, or the answer, goes on its way.
        over: the proxy is done with the request, and its connection is closed.
    """

    number: int
    moment: Literal["before", "after"]
    lost: bool
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class Proxy:
    """Between one client and the server at `port()`; a server that does not answer is a closed connection."""

    def __init__(self, port: Callable[[], int], hold: Hold | None = None):
        self.calls: list[str] = []
        """Method and path of each request, what differs from run to run as a star."""
        self._port, self._hold, self._count = port, hold, threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline()
                if self.raw_requestline and self.parse_request():
                    proxy._count_and_pass_on(self)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Nothing: the test says what it needs to."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}).start()

    def _count_and_pass_on(self, request: BaseHTTPRequestHandler) -> None:
        with self._count:
            hold = self._hold if self._hold and len(self.calls) == self._hold.number else None
            self.calls.append(f"{request.command} {_without_ids(request.path)}")
        try:
            self._pass_on(request, hold)
        finally:
            if hold:
                with suppress(OSError):
                    request.connection.shutdown(socket.SHUT_RDWR)
                hold.over.set()

    def _pass_on(self, request: BaseHTTPRequestHandler, hold: Hold | None) -> None:
        # Read even if it is then lost: a connection that is closed with something unread is reset.
        assert "Transfer-Encoding" not in request.headers, "the proxy knows no chunked requests"
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        if hold and hold.moment == "before" and not self._wait(hold):
            return
        answer = self._ask(request, body)
        if answer is None or (hold and hold.moment == "after" and not self._wait(hold)):
            return
        status, headers, content = answer
        request.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(content)

    def _ask(
        self, request: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes] | None:
        """What the server answers; None if it does not."""
        server = http.client.HTTPConnection("127.0.0.1", self._port(), timeout=60)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        try:
            server.request(request.command, request.path, body, headers)
            answer = server.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            server.close()

    @staticmethod
    def _wait(hold: Hold) -> bool:
        hold.reached.set()
        hold.released.wait()
        return not hold.lost

    def close(self) -> None:
        """End the proxy; a request that is still held is let go."""
        if self._hold:
            self._hold.released.set()
        self._server.shutdown()
        self._server.server_close()


def _without_ids(path: str) -> str:
    return re.sub(r"(?<=/)(\d+|[0-9a-f]{32})(?=/|$)", "*", path.partition("?")[0])
