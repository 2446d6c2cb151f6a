"""The served model answers, and nothing of it is left when the command ends."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import urllib.request

import pytest

from tests.registry.conftest import register
from tests.servers import free_port, wait_for

pytestmark = pytest.mark.e2e


def test_registered_model_is_served_and_ended(registry, clone, tmp_path):
    register(registry, clone)
    port, log, temporary = free_port(), tmp_path / "log", tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        ["lastro", "serve", "--port", str(port)],
        cwd=clone.folder,
        env=clone.env | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(f"{address}/ping"), process, log)
        shown = log.read_text().splitlines()
        assert shown[0].startswith(f"serving {registry.name} version 1 (test) at {address}/invocations")
        words = shlex.split(shown[1].removeprefix("try: "))
        body, headers = words[words.index("-d") + 1].encode(), {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(words[-1], body, headers), timeout=30) as answer:
            (row,) = json.load(answer)["predictions"]
        assert row["probability_benign"] + row["probability_malignant"] == pytest.approx(1)
        taken = clone.run("lastro", "serve", "--port", str(port), check=False)
        assert taken.returncode == 2
        assert taken.stdout.startswith(f"error: port {port}: ")
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)
    assert not answers(f"{address}/ping")
    assert list(temporary.glob("lastro-*")) == []


def answers(uri: str) -> bool:
    try:
        with urllib.request.urlopen(uri, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
