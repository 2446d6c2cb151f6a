"""Fixture: an image registry on loopback, of the tests' own."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import requests

from tests.servers import free_port, need, wait_for


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A Docker registry on loopback; host:port."""
    program = shutil.which("docker-registry")
    need(program, "docker-registry")
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder}/data\n"
        f"http:\n  addr: 127.0.0.1:{port}\n"
    )
    log = folder / "log"
    process = subprocess.Popen(
        [program, "serve", str(folder / "config.yml")], stdout=log.open("wb"), stderr=subprocess.STDOUT
    )

    def ready() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/v2/", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    wait_for(ready, process, log)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait(30)
