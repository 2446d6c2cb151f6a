"""A container of the image, as hardened as it is meant to run, on a port of this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import requests

from lastro.core.docker import docker
from lastro.core.errors import ExternalError

PORT = 8080
HARDENED = [
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--pids-limit=128",
    "--memory=1g",
]
TIMEOUT = 180
"""Seconds until the first answer, and for each later one."""


class NoAnswerError(ExternalError):
    """The container gave no answer: it ended, or hangs."""


@dataclass(frozen=True)
class Container:
    """A running container. seconds: from `docker run` to its first answer."""

    id: str
    url: str
    seconds: float

    def request(self, method: str, path: str, **options) -> requests.Response:
        """Send an HTTP request to the app.

        Raises:
            NoAnswerError: no answer came; with the last lines of the container's log.
        """
        try:
            return requests.request(method, f"{self.url}{path}", timeout=TIMEOUT, **options)
        except requests.RequestException as error:
            raise _no_answer(self.id, f"no answer to {method} {path} ({type(error).__name__})") from None


@contextmanager
def running(image: str, *options: str) -> Iterator[Container]:
    """Start a container, wait for /ping, remove it afterwards.

    Raises:
        ExternalError: it does not start, or does not answer in time; with the last lines of its log.
    """
    begun = time.monotonic()
    name = docker("run", "--detach", *HARDENED, f"--publish=127.0.0.1::{PORT}", *options, image).strip()
    try:
        port = docker("port", name, str(PORT)).strip().splitlines()[0].rpartition(":")[2]
        url = f"http://127.0.0.1:{port}"
        _wait(name, url, begun)
        yield Container(name, url, time.monotonic() - begun)
    finally:
        with suppress(ExternalError):
            docker("rm", "--force", name)


def _wait(name: str, url: str, begun: float) -> None:
    while time.monotonic() - begun < TIMEOUT:
        with suppress(requests.RequestException):
            if requests.get(f"{url}/ping", timeout=5).status_code == 200:
                return
        if docker("inspect", "--format", "{{.State.Running}}", name).strip() != "true":
            raise _no_answer(name, "the container ended before it answered /ping")
        time.sleep(0.02)
    raise _no_answer(name, f"the container did not answer /ping in {TIMEOUT} s")


def _no_answer(name: str, problem: str) -> NoAnswerError:
    lines = docker("logs", "--tail", "5", name).strip().splitlines()
    return NoAnswerError(f"{problem}; its log ends: {' | '.join(lines) or 'with nothing'}")
