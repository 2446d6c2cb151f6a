"""A store that fails: one clear line before any training, or a result that outlives it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from lastro.operations.tracking.recorder import Recorder
from tests.servers import MlflowServer, free_port

pytestmark = pytest.mark.e2e


def run(project, uri: str | None, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **env}
    environment.pop("MLFLOW_TRACKING_URI", None)
    if uri:
        environment["MLFLOW_TRACKING_URI"] = uri
    return subprocess.run(
        [sys.executable, "-m", "lastro.cli", *arguments],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def refused(project, uri: str, *words: str, **env: str) -> None:
    """The train stage ends with one line, exit code 3, and has trained nothing."""
    project.paths.model.unlink()
    done = run(project, uri, "stage", "train", **env)
    assert done.returncode == 3, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert line.startswith("error: ")
    for word in words:
        assert word in line
    assert "secret" not in line
    assert not project.paths.model.exists()


def test_server_that_is_down(project):
    uri = f"http://someone:secret@127.0.0.1:{free_port()}"
    refused(project, uri, "127.0.0.1", "refused", "MLFLOW_TRACKING_URI")


def test_server_that_never_answers(project):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        refused(project, f"http://127.0.0.1:{silent.getsockname()[1]}", "no answer in time")


def test_server_that_is_no_mlflow(project, tmp_path):
    port = free_port()
    other = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        # It prints one line when a first request has come; until it listens, a connection is refused: also exit 3.
        refused(project, f"http://127.0.0.1:{port}", "127.0.0.1")
    finally:
        other.terminate()
        other.communicate()


@pytest.fixture
def own_server(tmp_path):
    """A server to kill."""
    running = MlflowServer(tmp_path, f"sqlite:///{tmp_path / 'server.db'}")
    yield running
    running.stop()


def test_server_that_dies_during_training(project, own_server, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", own_server.uri)
    project.paths.model.unlink()
    original = Recorder.wait_until_ready

    def answered_then_died(recorder: Recorder, always: bool = False) -> None:
        original(recorder, always)
        own_server.stop()

    # The work itself is real; only the moment of the crash is chosen: after the answer, before the record.
    monkeypatch.setattr(Recorder, "wait_until_ready", answered_then_died)
    project.run("train")
    assert project.paths.model.exists()
    printed = capsys.readouterr()
    assert "warning: the run is incomplete" in printed.err
    assert "lastro sync" in printed.err
    assert "Traceback" not in printed.err

    monkeypatch.undo()
    own_server.start()
    (project.folder / "dvc.yaml").write_text("")
    synced = run(project, own_server.uri, "sync")
    assert synced.returncode == 0, synced.stderr
    assert synced.stdout.startswith("recorded: ")
    assert own_server.uri in synced.stdout
    assert run(project, own_server.uri, "sync").stdout.startswith("complete already: ")


def test_server_that_dies_between_training_and_evaluation(project, own_server):
    assert run(project, own_server.uri, "stage", "train").returncode == 0
    own_server.stop()
    project.paths.verdict.unlink()
    done = run(project, own_server.uri, "stage", "evaluate")
    assert done.returncode == 0, done.stderr
    assert "verdict: pass" in done.stdout
    assert "warning: the run is incomplete" in done.stderr
    assert project.paths.verdict.exists()


PASSWORD = "correct-horse-battery"
BASIC = "mlflow.server.auth:authenticate_request_basic_auth"
BY_TOKEN = """
from flask import Response, request
from werkzeug.datastructures import Authorization

def authenticate():
    if request.headers.get("Authorization") == "Bearer a-long-token":
        return Authorization("basic", {"username": "admin", "password": "correct-horse-battery"})
    return Response("no token", 401)
"""
"""MLflow's way to put another authentication before its users: a function of the server's owner."""


@pytest.fixture
def guarded(tmp_path):
    """Starts a server that lets in whom the function lets in."""
    started = []

    def start(function: str) -> MlflowServer:
        config = tmp_path / "auth.ini"
        config.write_text(
            "[mlflow]\ndefault_permission = READ\n"
            f"database_uri = sqlite:///{tmp_path / 'auth.db'}\n"
            f"admin_username = admin\nadmin_password = {PASSWORD}\nauthorization_function = {function}\n"
        )
        (tmp_path / "bearer.py").write_text(BY_TOKEN)
        env = {
            "MLFLOW_AUTH_CONFIG_PATH": str(config),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "for-this-test",
            "PYTHONPATH": str(tmp_path),
        }
        store = f"sqlite:///{tmp_path / 'server.db'}"
        started.append(MlflowServer(tmp_path, store, "--app-name", "basic-auth", env=env))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.mark.parametrize(
    ("function", "right", "wrong"),
    [
        (
            BASIC,
            {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": PASSWORD},
            {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "secret-but-wrong"},
        ),
        (
            "bearer:authenticate",
            {"MLFLOW_TRACKING_TOKEN": "a-long-token"},
            {"MLFLOW_TRACKING_TOKEN": "secret-but-wrong"},
        ),
    ],
    ids=["password", "token"],
)
def test_credentials(project, guarded, function, right, wrong):
    running = guarded(function)
    done = run(project, running.uri, "stage", "train", **right)
    assert done.returncode == 0, done.stderr
    assert f"run: {running.uri}/#/experiments/" in done.stdout
    refused(project, running.uri, "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD", **wrong)


def test_missing_outputs_are_named(project):
    (project.folder / "dvc.yaml").write_text("")
    project.paths.predictions.unlink()
    done = run(project, None, "sync")
    assert done.returncode == 2
    assert "predictions.parquet" in done.stderr
    assert "dvc repro" in done.stderr
    assert "Traceback" not in done.stderr
