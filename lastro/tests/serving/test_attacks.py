"""Clients that mean harm, or have none left to read: what they may take of a worker, and that everybody else is answered."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
from contextlib import suppress

import psutil
import pytest
import requests

from tests.servers import wait_for
from tests.serving.test_http import GOOD, JSON, begin, serving

HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def connect(server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def answer_of(link: socket.socket) -> bytes:
    """One answer with predictions."""
    found = b""
    while not found.endswith(b"]}"):
        found += link.recv(65536)
    return found


def ended(link: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    parts = []
    with suppress(ConnectionError):
        while part := link.recv(65536):
            parts.append(part)
    return b"".join(parts)


def send_many(link: socket.socket, line: bytes, times: int) -> None:
    for _ in range(times):
        link.sendall(line)


def complete(body: bytes = json.dumps(GOOD).encode()) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "line",
    [b"a: b\r\n", b"a: " + b"b" * 1000 + b"\r\n", b"b" * 1000],
    ids=["many headers", "large headers", "one header"],
)
def test_headers_without_end_are_cut_off(server, line):
    link = connect(server)
    link.sendall(HEAD)
    with pytest.raises(ConnectionError):
        send_many(link, line, 3_200_000 // len(line))
    assert server.post(GOOD).status_code == 200


def test_too_many_headers_at_once_are_refused(server):
    link = connect(server)
    link.sendall(b"GET /ping HTTP/1.1\r\n" + b"a: b\r\n" * 1000 + b"\r\n")
    assert b" 431 " in ended(link)


def test_trailers_without_end_are_cut_off(server):
    link = connect(server)
    link.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    with pytest.raises(ConnectionError):
        send_many(link, b"a: " + b"b" * 1000 + b"\r\n", 10_000)


def test_requests_that_do_not_wait_for_answers_are_cut_off(server):
    link = connect(server)
    link.sendall(b"GET /ping HTTP/1.1\r\n\r\n" * 10_000)
    assert ended(link).count(b" 200 ") < 100


def test_idle_connections_make_room(three, tmp_path):
    with serving(three, tmp_path, CONNECTIONS=10) as server:
        links = [connect(server) for _ in range(30)]
        assert server.post(GOOD).status_code == 200
        assert ended(links[0]) == b""


def test_a_head_that_does_not_come_is_not_waited_for(three, tmp_path):
    with serving(three, tmp_path, TIMEOUT=0.5) as server:
        silent, slow, again = connect(server), connect(server), connect(server)
        slow.sendall(HEAD)
        again.sendall(complete())
        assert b" 200 " in answer_of(again)
        again.sendall(HEAD)
        assert [ended(link) for link in (silent, slow, again)] == [b"", b"", b""]


def test_a_request_that_had_arrived_before_the_stop_is_answered(three, tmp_path):
    with serving(three, tmp_path) as server:
        (worker,) = psutil.Process(server.process.pid).children()
        kept = connect(server)
        kept.sendall(complete())
        assert b" 200 " in answer_of(kept)
        # It has not seen these when it is told to stop: one in the queue of the kernel, one on a connection it knows.
        worker.suspend()
        new = connect(server)
        new.sendall(complete())
        kept.sendall(complete())
        server.process.send_signal(signal.SIGTERM)
        # The parent has passed it on when its own end of the port is closed.
        wait_for(lambda: not listens(server.process.pid), server.process, server.log)
        worker.resume()
        assert b" 200 " in ended(new)
        assert b" 200 " in ended(kept)
        assert server.process.wait(30) == 0


def listens(pid: int) -> bool:
    return any(link.status == psutil.CONN_LISTEN for link in psutil.Process(pid).net_connections())


@pytest.mark.parametrize("workers", [1, 2])
def test_nobody_new_is_let_in_after_the_stop(three, tmp_path, workers):
    with serving(three, tmp_path, WORKERS=workers) as server:
        link = begin(server)
        server.process.send_signal(signal.SIGTERM)

        def refused() -> bool:
            try:
                connect(server).close()
            except ConnectionRefusedError:
                return True
            return False

        wait_for(refused, server.process, server.log)
        link.sendall(json.dumps(GOOD).encode())
        assert b" 200 " in ended(link)
        assert server.process.wait(30) == 0


def test_a_worker_that_dies_is_replaced_and_told_of(three, tmp_path):
    with serving(three, tmp_path, WORKERS=2) as server:
        parent = psutil.Process(server.process.pid)
        first = parent.children()
        os.kill(first[0].pid, signal.SIGKILL)
        wait_for(lambda: len(set(parent.children()) - set(first)) == 1, server.process, server.log)
        assert server.post(GOOD).status_code == 200
        server.stop()
        (line,) = map(json.loads, server.log.read_text().splitlines())
    assert "SIGKILL" in line["message"]


def test_no_worker_stays_when_the_parent_is_killed(three, tmp_path):
    with serving(three, tmp_path, WORKERS=2) as server:
        workers = psutil.Process(server.process.pid).children()
        server.process.kill()
        server.process.wait()
        assert psutil.wait_procs(workers, timeout=30)[1] == []


def test_requests_of_many_clients_survive_a_stop(three, tmp_path):
    """Each client's request is whole in the kernel before the signal is sent; none is lost."""
    with serving(three, tmp_path, WORKERS=2) as server:
        links = [connect(server) for _ in range(8)]
        for link in links:
            link.sendall(complete())
        server.process.send_signal(signal.SIGTERM)
        answers: list[bytes] = []
        readers = [threading.Thread(target=lambda link=link: answers.append(ended(link))) for link in links]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(30)
        assert [b" 200 " in answer for answer in answers] == [True] * 8


@pytest.fixture(scope="module")
def server(three, tmp_path_factory):
    with serving(three, tmp_path_factory.mktemp("app")) as server:
        yield server


def test_an_answer_that_nobody_reads_holds_its_place_and_not_for_long(three, tmp_path):
    body = json.dumps({"dataframe_records": GOOD["dataframe_records"] * 200_000}).encode()
    with serving(three, tmp_path, QUEUE=1, TIMEOUT=3) as server:
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(("127.0.0.1", server.port))
        link.sendall(complete(body))
        # The answer is more than the kernel holds for both ends; who has not read it is still in the queue.
        assert link.recv(1)
        assert server.post(GOOD).status_code == 503
        wait_for(lambda: server.post(GOOD).status_code == 200, server.process, server.log)


def test_bodies_that_stall_leave_room(three, tmp_path):
    size = 2_000_000
    with serving(three, tmp_path, MAX_BODY=size) as server:
        links = [connect(server) for _ in range(5)]
        for link in links:
            link.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % size)
            with suppress(ConnectionError):
                link.sendall(b" " * (size - 1))
        # Two of them are what a worker holds, the others are told to come again; who sends little is let in.
        assert server.post(GOOD).status_code == 200

        def three_are_busy() -> bool:
            text = requests.get(f"{server.url}/metrics", timeout=30).text
            return bool(re.search(r'lastro_errors_total\{kind="busy"\} [345]', text))

        wait_for(three_are_busy, server.process, server.log)
        for link in links:
            link.close()


@pytest.mark.parametrize("size", [300_000, 3_000_000], ids=["busy", "too large"])
def test_who_is_refused_while_sending_reads_why(three, tmp_path, size):
    with (
        serving(three, tmp_path, MAX_BODY=1_000_000, QUEUE=1 if size < 1_000_000 else 9) as server,
        requests.Session() as session,
    ):
        first = begin(server)
        for _ in range(5):
            answer = session.post(f"{server.url}/invocations", data=b" " * size, headers=JSON, timeout=30)
            assert answer.status_code == (503 if size < 1_000_000 else 413)
        # The connection is kept: what was not read of the body is no request.
        assert session.get(f"{server.url}/ping").status_code == 200
        first.sendall(json.dumps(GOOD).encode())
        assert b" 200 " in answer_of(first)
