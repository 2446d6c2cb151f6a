"""Ten minutes of one-row requests at 80 % of the highest rate: errors, latency, whether memory stays flat. Docker and wrk.

usage: python benchmarks/soak.py IMAGE [--seconds S] [--share 0.8] [--connections C]
The highest rate is what wrk reaches with a new request after each answer, in the slowest of five rounds: on a machine that does
other work too, what it cannot keep up says nothing. The load itself is open: a request is due when the
clock says so, whatever became of those before, and its latency counts from then, so that a stall is not hidden by waiting.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving import ROOT, wait, wrk

from lastro.core.docker import docker

sys.path.insert(0, str(ROOT / "lastro"))

from tests.servers import free_port

PATIENCE = 180
"""Seconds after the last request was due in which all must have been answered."""
STEP = 0.005
"""Seconds between looks at the clock: requests that have come due meanwhile are sent together."""


class Connection(asyncio.Protocol):
    """A kept-alive connection with one request at a time; `done` is called with an answer's status, 0 where it broke."""

    def __init__(self, request: bytes, done):
        self.request, self.done, self.head, self.left, self.busy = request, done, b"", 0, False

    def connection_made(self, transport) -> None:
        self.transport = transport

    def send(self, due: float) -> None:
        if self.transport.is_closing():
            raise RuntimeError("the server closed a connection that was in use")
        self.due, self.busy, self.head, self.left = due, True, b"", -1
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.left < 0:
            self.head += data
            head, mark, data = self.head.partition(b"\r\n\r\n")
            if not mark:
                return
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self.left, self.status = int(length.partition(b":")[2]), int(head.split(b" ", 2)[1])
        self.left -= len(data)
        if self.left == 0:
            self.busy = False
            self.done(self, self.status)

    def connection_lost(self, error) -> None:
        if self.busy:
            self.busy = False
            self.done(self, 0)


class Load:
    """`rate` requests a second over `connections` connections. late: ms from when each was due to its answer."""

    def __init__(self, port: int, body: bytes, rate: float, connections: int):
        head = "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        self.port, self.rate, self.connections = port, rate, connections
        self.late: list[float] = []
        self.errors: dict[int, int] = {}
        self.sent = 0

    def _answered(self, connection: Connection, status: int) -> None:
        self.late.append((time.perf_counter() - connection.due) * 1000)
        if status != 200:
            self.errors[status] = self.errors.get(status, 0) + 1
        if not status:
            # Broken: the others carry on.
            return
        if self.waiting:
            connection.send(self.waiting.popleft())
        else:
            self.free.append(connection)

    async def run(self, seconds: float, each_minute) -> None:
        """each_minute: called every 60 s, in a thread."""
        loop = asyncio.get_running_loop()
        self.free, self.waiting = deque(), deque()
        for _ in range(self.connections):
            made = await loop.create_connection(
                lambda: Connection(self.request, self._answered), "127.0.0.1", self.port
            )
            self.free.append(made[1])
        begun = time.perf_counter()
        minute = 1
        while (now := time.perf_counter() - begun) < seconds:
            while self.sent < now * self.rate:
                due = begun + self.sent / self.rate
                self.sent += 1
                if self.free:
                    # The one that has been idle longest: the server closes those that are idle for too long.
                    self.free.popleft().send(due)
                else:
                    self.waiting.append(due)
            if now >= minute * 60:
                loop.run_in_executor(None, each_minute, minute)
                minute += 1
            await asyncio.sleep(STEP)
        end = time.perf_counter() + PATIENCE
        while len(self.late) < self.sent and time.perf_counter() < end:
            await asyncio.sleep(STEP)


@contextmanager
def container(image: str) -> Iterator[tuple[str, int]]:
    """Name and port of a container with one processor, on this machine's own network: for minutes on end nothing is to come
    between, neither Docker's proxy nor another engine on the same bridge."""
    port = free_port()
    options = ("--cpus=1", "--network=host", "--env=LASTRO_HOST=127.0.0.1", f"--env=LASTRO_PORT={port}")
    name = docker("run", "--detach", *options, image).strip()
    try:
        wait(f"http://127.0.0.1:{port}/ping")
        yield name, port
    finally:
        docker("rm", "--force", name)


def memory(name: str) -> float:
    """MB that the container holds, without what the page cache could give back: as `docker stats` tells it."""
    used = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", name).partition("/")[0].strip()
    number = used.rstrip("BGKMi")
    return (
        float(number)
        * {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}[used.removeprefix(number).removesuffix("B")]
        / 1e6
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--share", type=float, default=0.8)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("error: wrk is not installed; apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder, container(options.image) as (name, port):
        url = f"http://127.0.0.1:{port}"
        example = json.load(urllib.request.urlopen(f"{url}/schema"))["example"]
        body = Path(folder) / "body.json"
        body.write_text(json.dumps(example))
        highest = min(wrk(url, body, options.connections, 5)[0] for _ in range(5))
        rate = highest * options.share
        print(
            f"highest rate {highest:.0f}/s; {options.seconds:g} s at {rate:.0f}/s, memory {memory(name):.1f} MB",
            flush=True,
        )
        seen: list[float] = []

        def look(minute: int) -> None:
            seen.append(memory(name))
            print(f"  minute {minute:>2}  memory {seen[-1]:.1f} MB", flush=True)

        load = Load(port, body.read_bytes(), rate, options.connections)
        asyncio.run(load.run(options.seconds, look))
        late = sorted(load.late)
        lost = load.sent - len(late)
        wrong = sum(load.errors.values()) + lost
        p50, p99, worst = (late[min(int(len(late) * q), len(late) - 1)] for q in (0.5, 0.99, 1))
        print(f"{load.sent} requests, {wrong} errors{f' {load.errors}, {lost} lost' if wrong else ''}")
        print(
            f"latency from when a request was due: median {p50:.1f} ms, p99 {p99:.1f} ms, largest {worst:.1f} ms"
        )
        print(
            f"memory {seen[0] if seen else memory(name):.1f} MB after the first minute, {memory(name):.1f} MB at the end"
        )
        sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
