"""The app over HTTP, as its own process: paths, limits, back-pressure, and a stop that answers what it has begun."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
import requests

from tests.servers import free_port, wait_for

GOOD = {"dataframe_records": [{"still": 7.0}]}
JSON = {"Content-Type": "application/json"}


class Server:
    """`python -m lastro.serving` on a free port."""

    def __init__(self, folder, tmp_path, **settings: object):
        self.port, self.log = free_port(), tmp_path / f"log-{len(list(tmp_path.iterdir()))}"
        self.url = f"http://127.0.0.1:{self.port}"
        release = tmp_path / "release.json"
        release.write_text(json.dumps({"name": "three", "release": "v1.2.3", "version": 7}))
        defaults = {"MODEL": folder, "RELEASE": release, "PORT": self.port, "HOST": "127.0.0.1", "WORKERS": 1}
        env = {f"LASTRO_{name}": str(value) for name, value in (defaults | settings).items()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lastro.serving"],
            env={**os.environ, **env},
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        wait_for(self.answers, self.process, self.log)

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/ping", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def post(self, body, headers=JSON, **options) -> requests.Response:
        data = body if isinstance(body, bytes) else json.dumps(body)
        return requests.post(f"{self.url}/invocations", data=data, headers=headers, timeout=30, **options)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def serving(three, tmp_path, **settings):
    server = Server(three[0], tmp_path, **settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="module")
def server(three, tmp_path_factory):
    with serving(three, tmp_path_factory.mktemp("app")) as server:
        yield server


def test_paths(server):
    for path in ("/ping", "/health"):
        assert requests.get(server.url + path).status_code == 200
    assert requests.get(f"{server.url}/version").json()["release"] == "v1.2.3"
    schema = requests.get(f"{server.url}/schema").json()
    assert [column["name"] for column in schema["inputs"]][:2] == ["size", "count"]
    assert server.post(schema["example"]).status_code == 200
    page = requests.get(server.url)
    assert "text/html" in page.headers["Content-Type"]
    assert "three" in page.text
    assert requests.head(f"{server.url}/ping").text == ""
    assert requests.get(f"{server.url}/nothing").status_code == 404
    refused = requests.get(f"{server.url}/invocations")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert requests.post(f"{server.url}/ping").status_code == 405


INFO = ("/", "/docs", "/metrics", "/openapi.json", "/schema", "/version")


def test_what_it_tells_can_be_switched_off(three, tmp_path):
    with serving(three, tmp_path, INFO="off") as server:
        assert {requests.get(server.url + path).status_code for path in INFO} == {404}
        assert requests.get(f"{server.url}/health").status_code == 200
        assert server.post(GOOD).status_code == 200


def test_what_it_tells_can_have_a_port_of_its_own(three, tmp_path):
    port = free_port()
    with serving(three, tmp_path, INFO=port) as server:
        other = f"http://127.0.0.1:{port}"
        assert {requests.get(server.url + path).status_code for path in INFO} == {404}
        assert {requests.get(other + path).status_code for path in (*INFO, "/ping")} == {200}
        assert server.post(GOOD).status_code == 200
        assert requests.post(f"{other}/invocations", json=GOOD).status_code == 404


@pytest.mark.parametrize(("ranges", "shown"), [("false", False), ("true", True)])
def test_the_range_of_the_training_data_is_shown_when_asked_for(three, tmp_path, ranges, shown):
    with serving(three, tmp_path, RANGES=ranges) as server:
        texts = [requests.get(server.url + path).text for path in ("/schema", "/docs", "/openapi.json")]
        schema = json.loads(texts[0])
    assert any("minimum" in column for column in schema["inputs"]) == shown
    with (three[0] / "schema.json").open() as file:
        (size,) = [column for column in json.load(file)["features"] if column["name"] == "size"]
    assert any(str(size["maximum"]) in text for text in texts) == shown


def test_the_log_holds_nothing_that_was_sent(three, tmp_path):
    secret = "Kn4ry"
    with serving(three, tmp_path, LOG="requests") as server:
        link = socket.create_connection(("127.0.0.1", server.port))
        link.sendall(f"{secret} nonsense\r\n\r\n".encode())
        assert b" 400 " in link.recv(1000)
        requests.get(f"{server.url}/{secret}?{secret}={secret}", headers={secret: secret})
        for body in (f"{secret},{secret}\n", json.dumps({"instances": [{secret: secret, "still": secret}]})):
            server.post(body.encode(), headers=JSON | {"User-Agent": secret})
            server.post(body.encode(), headers={"Content-Type": "text/csv"})
        requests.request(secret, f"{server.url}/ping")
        server.stop()
        text = server.log.read_text()
    assert [json.loads(line)["level"] for line in text.splitlines()].count("info") >= 5
    assert secret not in text


def test_openapi_describes_what_is_answered(server):
    described = requests.get(f"{server.url}/openapi.json").json()
    for path, methods in described["paths"].items():
        for method in methods:
            assert requests.request(method, server.url + path).status_code in (200, 415)


def test_metrics_count_requests_rows_and_errors(three, tmp_path):
    with serving(three, tmp_path) as server:
        server.post(GOOD)
        server.post({"dataframe_records": [{"still": "x"}]})
        requests.get(f"{server.url}/no/such/path")
        text = requests.get(f"{server.url}/metrics").text
    for line in (
        'lastro_requests_total{path="/invocations",status="200"} 1.0',
        'lastro_requests_total{path="/invocations",status="400"} 1.0',
        'lastro_requests_total{path="other",status="404"} 1.0',
        'lastro_errors_total{kind="wrong_type"} 1.0',
        "lastro_rows_total 1.0",
        "lastro_request_seconds_count 2.0",
    ):
        assert line in text
    assert 'release="v1.2.3"' in text


def test_workers_share_their_counters(three, tmp_path):
    with serving(three, tmp_path, WORKERS=2) as server:
        for _ in range(20):
            server.post(GOOD, headers=JSON | {"Connection": "close"})
        assert "lastro_rows_total 20.0" in requests.get(f"{server.url}/metrics").text


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/html"}, JSON | {"Content-Encoding": "gzip"}])
def test_types_that_are_not_read(server, headers):
    answer = server.post(b"{}", headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (415, "application/json")


def test_a_parquet_body_is_refused_with_the_types_that_are_read(server):
    answer = server.post(b"PAR1", {"Content-Type": "application/vnd.apache.parquet"})
    assert (answer.status_code, answer.json()) == (
        415,
        {
            "error_code": "UNSUPPORTED_MEDIA_TYPE",
            "message": "expected Content-Type application/json or text/csv",
        },
    )
    assert server.post(GOOD).status_code == 200


def test_a_body_over_the_limit(three, tmp_path):
    with serving(three, tmp_path, MAX_BODY=1000) as server:
        assert server.post(b" " * 1001).status_code == 413
        # Without a length it is counted as it comes.
        with socket.create_connection(("127.0.0.1", server.port)) as link:
            head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            head += b"Transfer-Encoding: chunked\r\n\r\n"
            link.sendall(head + b"3e9\r\n" + b" " * 1001 + b"\r\n0\r\n\r\n")
            assert b" 413 " in link.recv(1000)
        assert server.post(GOOD).status_code == 200


def test_a_body_that_does_not_come(three, tmp_path):
    with serving(three, tmp_path, TIMEOUT=0.3) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as link:
            link.sendall(
                b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
            )
            assert b" 408 " in link.recv(1000)
        assert server.post(GOOD).status_code == 200


def begin(server) -> socket.socket:
    """A request whose body has not come yet."""
    link = socket.create_connection(("127.0.0.1", server.port))
    body = json.dumps(GOOD).encode()
    head = (
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
    )
    link.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body))
    # That the app waits for the body is what the answer says.
    assert b"100 Continue" in link.recv(1000)
    return link


def test_above_the_queue_it_says_when_to_come_back(three, tmp_path):
    with serving(three, tmp_path, QUEUE=1) as server:
        first = begin(server)
        busy = server.post(GOOD)
        assert (busy.status_code, busy.headers["Retry-After"]) == (503, "1")
        assert requests.get(f"{server.url}/ping").status_code == 200
        first.sendall(json.dumps(GOOD).encode())
        assert b" 200 " in first.recv(1000)
        assert server.post(GOOD).status_code == 200


def test_requests_in_flight_are_answered_before_it_stops(three, tmp_path):
    with serving(three, tmp_path) as server:
        link = begin(server)
        stopped = threading.Thread(target=server.stop)
        stopped.start()
        # Nobody new is let in; who was there is answered.
        link.sendall(json.dumps(GOOD).encode())
        assert b" 200 " in link.recv(1000)
        link.close()
        stopped.join(30)
        assert server.process.returncode == 0


def test_the_log_has_a_line_a_request_when_asked(three, tmp_path):
    with serving(three, tmp_path, LOG="requests") as server:
        assert server.post(GOOD, headers=JSON | {"X-Request-Id": "abc"}).headers["X-Request-Id"] == "abc"
        server.stop()
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert [(line["path"], line["request_id"]) for line in lines if line["path"] == "/invocations"] == [
        ("/invocations", "abc")
    ]


def test_a_wrong_setting_is_one_line(three, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "lastro.serving"],
        env={**os.environ, "LASTRO_QUEUE": "many"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert json.loads(done.stderr)["message"] == "LASTRO_QUEUE: expected a number, found 'many'"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: shutil.rmtree(folder), r"FileNotFoundError: .*schema.json'"),
        (lambda folder: (folder / "model.ubj").write_bytes(b"no trees"), r"RuntimeError: .*"),
        (lambda folder: (folder / "schema.json").write_text("{}"), r"KeyError: 'features'"),
    ],
    ids=["missing", "unreadable", "without a schema"],
)
def test_a_model_that_cannot_be_loaded_ends_the_server(three, tmp_path, workers, spoil, why):
    folder = shutil.copytree(three[0], tmp_path / "model")
    spoil(folder)
    port = free_port()
    settings = {"MODEL": folder, "PORT": port, "HOST": "127.0.0.1", "WORKERS": workers}
    done = subprocess.run(
        [sys.executable, "-m", "lastro.serving"],
        env={**os.environ, **{f"LASTRO_{name}": str(value) for name, value in settings.items()}},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert re.fullmatch(rf"the model cannot be loaded \({why}\)", json.loads(done.stderr)["message"])
