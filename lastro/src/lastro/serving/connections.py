"""uvicorn's server with limits: on heads, on connections, on the time that a client may take; and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server

HEAD_BYTES = 32 * 2**10
"""Of request line and headers. What is whole in one read, of at most 256 KiB, may be larger."""
HEADERS = 100
PIPELINED = 16
"""Requests that one connection may send before the first is answered."""
UNREAD_BYTES = 16 * 2**10
"""Of an answer that lie in the process when nobody reads it, for each connection."""
GRACE = 0.5
"""Seconds after the stop in which a connection is still listened to: what was sent before it may be on its way."""


class Connection(HttpToolsProtocol):
    """A connection that has to keep to the limits.

    Attributes:
        head: bytes read of a head that is not whole; None outside of one.
        rest: bytes read of a body's framing and trailers, so far as its content does not account for them.
        deadline: the loop's time at which it is cut off if no request has come by then.
    """

    head: int | None = None
    rest = 0
    deadline = math.inf

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.set_write_buffer_limits(UNREAD_BYTES)
        waiting = self.server_state.waiting
        if len(self.connections) > self.config.connections:
            # Whoever has waited longest without a request makes room.
            oldest = next(iter(waiting), self)
            waiting.pop(oldest, None)
            oldest.transport.abort()
            if oldest is self:
                return
        self._wait(self.config.seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.head is not None:
            self.head += len(data)
            if self.deadline == math.inf:
                self._wait(self.config.seconds)
            if self.head > HEAD_BYTES or len(self.headers) > HEADERS:
                self.send_400_response("")
        elif self.cycle is not None and self.cycle.more_body:
            self.rest += len(data)
            # The first read has the head, and maybe another request's end.
            if self.rest > 8 * HEAD_BYTES + HEAD_BYTES:
                self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["abort"] = self.transport.abort
        self.head = self.rest = 0

    def on_headers_complete(self) -> None:
        self.head = None
        if len(self.headers) > HEADERS or len(self.pipeline) >= PIPELINED:
            raise ValueError
        self.server_state.waiting.pop(self, None)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        # A chunk of one byte has five of framing.
        self.rest -= 9 * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.more_body:
            # It was refused before, and passed over.
            self.cycle.more_body = False
            self._wait(self.timeout_keep_alive)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline:
            late = (
                self.transport.is_closing() or self.transport.get_write_buffer_size() or self.cycle.more_body
            )
            self._wait(self.config.seconds if late else math.inf)

    def send_400_response(self, _message: str) -> None:
        """Refuse what is no request, or is too much of one."""
        large = (self.head or 0) > HEAD_BYTES or len(self.headers or ()) > HEADERS
        status = b"431 Request Header Fields Too Large" if large else b"400 Bad Request"
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()
        self._wait(self.config.seconds)

    def _wait(self, seconds: float) -> None:
        self.deadline = self.loop.time() + seconds
        self.server_state.waiting[self] = None


class Worker(Server):
    """uvicorn's server in a worker process: cuts off whoever is late, and ends when its parent does."""

    def __init__(self, config: Config, connections: int, seconds: float):
        super().__init__(config)
        config.connections, config.seconds = connections, seconds
        self._parent = os.getppid()
        # In the order in which they began to wait.
        self.server_state.waiting: dict[Connection, None] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # A stop that was asked for before is heard now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})

    async def on_tick(self, counter: int) -> bool:
        now = asyncio.get_running_loop().time()
        for connection in [c for c in self.server_state.waiting if c.deadline < now]:
            connection.transport.abort()
        return await super().on_tick(counter) or os.getppid() != self._parent

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # The last worker to close the port takes what waits in the kernel, which would be reset.
        accepted = [link for listener in sockets or () for link in _accept_all(listener)]
        for server in self.servers:
            server.close()
        for link in accepted:
            await asyncio.get_running_loop().connect_accepted_socket(self._make_connection, link)
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        await asyncio.sleep(GRACE)
        await super().shutdown(sockets)

    def _make_connection(self) -> Connection:
        return Connection(self.config, self.server_state, {})


def _accept_all(listener: socket.socket) -> Iterator[socket.socket]:
    with suppress(OSError):
        while True:
            yield listener.accept()[0]
