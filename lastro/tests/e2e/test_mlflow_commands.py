"""docs/mlflow.md, from the first command to the last: MLflow's own commands on the repository's registered model."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.clones import Clone, make_clone
from tests.servers import free_port, wait_for

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs" / "mlflow.md"
SERVERS = {"mlflow ui": "/health", "mlflow models serve": "/ping"}
"""Commands that do not end, and the path that answers once they are ready."""


class Reader:
    """Somebody who types what the page shows, with a port that is free for each that it names."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.ports: dict[str, str] = {}
        self.servers: list[subprocess.Popen] = []
        self.said: dict[str, str] = {}

    def type(self, command: str) -> str:
        """Run a command to its end, or start it where it has none; what it printed."""
        for port in re.findall(r"(?<=--port )\d+", command):
            self.ports[port] = str(free_port())
        for shown, free in self.ports.items():
            command = command.replace(shown, free)
        if set_to := re.fullmatch(r"export (\w+)=(.*)", command):
            self.clone.env[set_to.group(1)] = set_to.group(2)
            return ""
        for server, path in SERVERS.items():
            if command.startswith(server):
                self._start(command, f"http://127.0.0.1:{_port(command)}{path}")
                return ""
        return self.clone.run("bash", "-c", command).stdout

    def _start(self, command: str, address: str) -> None:
        log = self.clone.folder.parent / f"log-{len(self.servers)}"
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.clone.folder,
            env=self.clone.env,
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.servers.append(process)
        wait_for(lambda: get(address) is not None, process, log, seconds=180)

    def stop(self) -> None:
        for process in self.servers:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def _port(command: str) -> str:
    return re.search(r"--port (\d+)", command).group(1)


def get(address: str) -> bytes | None:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.read()
    except OSError:
        return None


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def reader(root, tmp_path_factory):
    """Has typed all commands of the page, in order; what each printed is in `said`."""
    clone = make_clone(root, tmp_path_factory.mktemp("mlflow") / "clone")
    found = Reader(clone)
    try:
        for line in "".join(blocks("console")).splitlines():
            command = line.removeprefix("$ ")
            assert line != command, f"{PAGE.name}: {line!r} is neither a command nor of this test"
            if not command.startswith(". "):
                found.said[command.split(" --")[0]] = found.type(command)
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def recorded(reader) -> list[dict]:
    """What evaluate recorded for the three rows that the page sends."""
    import pyarrow.parquet as pq

    rows = pq.read_table(reader.clone.folder / "reports" / "predictions.parquet").to_pylist()
    by_key = {row["__key__"]: row for row in rows}
    keys = pq.read_table(reader.clone.folder / "data" / "prepared" / "test.parquet", columns=["__key__"])
    names = ("prediction", "probability_benign", "probability_malignant")
    return [{name: by_key[key][name] for name in names} for key in keys["__key__"].to_pylist()[:3]]


def test_ui_shows_the_registered_version(reader):
    address = f"http://127.0.0.1:{reader.ports['5000']}"
    assert b"MLflow" in get(address)
    found = json.loads(
        get(f"{address}/ajax-api/2.0/mlflow/registered-models/alias?name=breast-cancer&alias=test")
    )
    assert found["model_version"]["version"] == "1"


def test_predict_answers_as_evaluate_did(reader, recorded):
    assert json.loads(reader.clone.read("answer.json"))["predictions"] == recorded


def test_serve_answers_as_evaluate_did(reader, recorded):
    assert json.loads(reader.said["curl"])["predictions"] == recorded


def test_mlflow_evaluates_as_the_pipeline_does(reader):
    (code,) = blocks("python")
    said = reader.clone.run("python", "-W", "ignore", "-c", code).stdout
    theirs = {name: float(value) for name, value in re.findall(r"^(\w+) ([\d.]+)$", said, re.MULTILINE)}
    ours = json.loads(reader.clone.read("reports/metrics.json"))
    pairs = {
        "accuracy_score": "accuracy",
        "f1_score": "f1",
        "precision_score": "precision",
        "recall_score": "recall",
    }
    assert {name: theirs[name] for name in pairs} == pytest.approx(
        {name: ours[our] for name, our in pairs.items()}, abs=1e-5
    )
    # What MLflow did is beside the one run per model, not among them.
    code = "import mlflow; print(len(mlflow.search_runs(experiment_names=['breast-cancer'])))"
    assert reader.clone.run("python", "-W", "ignore", "-c", code).stdout.splitlines()[-1] == "1"


def test_nothing_but_the_two_named_files_is_left(reader):
    status = reader.clone.run("git", "status", "--porcelain").stdout
    assert status.splitlines() == ["?? answer.json", "?? rows.csv"]
