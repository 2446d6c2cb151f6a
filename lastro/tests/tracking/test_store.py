"""The store is found: beside its clone wherever that lies now, or by a URI that a person could have meant."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache

from lastro.cli.main import cli
from lastro.core.errors import ExternalError, LastroError
from lastro.operations.registry.artifact import download
from lastro.operations.tracking import address, runs
from lastro.operations.tracking.store import open_store
from tests import example

VARIABLE = "MLFLOW_TRACKING_URI"


@pytest.fixture
def make_clone(empty_database, monkeypatch):
    """Makes a folder that has the parts of a clone which the store needs."""
    monkeypatch.delenv(VARIABLE, raising=False)

    def make(folder: Path) -> Path:
        folder.mkdir(parents=True)
        shutil.copy(example.PARAMS, folder / "params.yaml")
        shutil.copy(empty_database, folder / "mlflow.db")
        return folder

    yield make
    mlflow.set_tracking_uri(None)


def opened(folder: Path):
    # As in a process of its own: MLflow leaves the store that it opened in the environment, and remembers folders.
    os.environ.pop(VARIABLE, None)
    _artifact_repos_cache.clear()
    return open_store(folder)


def log(store, tmp_path: Path, text: str, run_id: str | None = None) -> str:
    """Write a file into a run."""
    client = store.client
    run_id = run_id or client.create_run(store.experiment.experiment_id).info.run_id
    file = tmp_path / "note.txt"
    file.write_text(text)
    client.log_artifact(run_id, str(file))
    return run_id


def held(store, run_id: str, folder: Path) -> str:
    return download(store.client.get_run(run_id), "note.txt", folder).read_text()


@pytest.mark.parametrize("name", ["moved", "with a space", "50%_off", "it's über"])
def test_store_is_found_where_the_clone_was_moved_to(make_clone, tmp_path, name):
    before = make_clone(tmp_path / name / "before")
    run_id = log(opened(before), tmp_path, "first")
    after = tmp_path / "elsewhere" / f"{name} after"
    after.parent.mkdir()
    before.rename(after)

    store = opened(after)
    assert held(store, run_id, tmp_path / "back") == "first"
    log(store, tmp_path, "second", run_id)
    assert held(store, run_id, tmp_path / "again") == "second"
    log(store, tmp_path, "third")
    assert not before.exists()
    assert len(list((after / "mlartifacts").rglob("note.txt"))) == 2
    opened(after.rename(before))
    assert held(opened(before), run_id, tmp_path / "home") == "second"


def test_copy_of_a_clone_has_a_store_of_its_own(make_clone, tmp_path):
    one = make_clone(tmp_path / "one")
    run_id = log(opened(one), tmp_path, "of both")
    # Begins like the other's path, and is another folder.
    two = tmp_path / "one-more"
    shutil.copytree(one, two)
    log(opened(two), tmp_path, "of the copy", run_id)
    assert held(opened(one), run_id, tmp_path / "of one") == "of both"
    assert held(opened(two), run_id, tmp_path / "of two") == "of the copy"
    shutil.rmtree(one)
    assert held(opened(two), run_id, tmp_path / "alone") == "of the copy"


def test_store_that_is_restored_from_a_backup(make_clone, tmp_path):
    old = make_clone(tmp_path / "old")
    run_id = log(opened(old), tmp_path, "kept")
    new = make_clone(tmp_path / "new")
    shutil.copy(old / "mlflow.db", new)
    shutil.copytree(old / "mlartifacts", new / "mlartifacts")
    shutil.rmtree(old)
    assert held(opened(new), run_id, tmp_path / "back") == "kept"


def test_artifacts_that_were_put_elsewhere_stay_there(make_clone, tmp_path):
    clone = make_clone(tmp_path / "clone")
    store = opened(clone)
    for name, place in (
        ("chosen", tmp_path / "share" / "files"),
        ("shared", tmp_path / "share" / "mlartifacts"),
    ):
        place.mkdir(parents=True)
        store.client.create_experiment(name, place.as_uri())
    opened(clone)
    found = {e.name: e.artifact_location for e in store.client.search_experiments()}
    assert found["chosen"] == (tmp_path / "share" / "files").as_uri()
    assert found["shared"] == (tmp_path / "share" / "mlartifacts").as_uri()


@pytest.mark.parametrize("uri", ["", " ", "\n", "\t \n"])
def test_blank_uri_is_none(make_clone, tmp_path, monkeypatch, uri):
    clone = make_clone(tmp_path / "clone")
    monkeypatch.setenv(VARIABLE, uri)
    assert open_store(clone).uri == f"sqlite:///{clone / 'mlflow.db'}"
    monkeypatch.setenv(VARIABLE, uri)
    assert address.configured() == ""


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:5000",
        "https://mlflow.example.com/path",
        "azureml://eu.api.azureml.ms/mlflow/v1.0/x",
        "databricks",
        "databricks://profile",
        "postgresql+psycopg2://ana@db/mlflow",
        "sqlite:///mlflow.db",
        "file:/runs",
        "/runs",
        "./runs",
    ],
)
def test_uri_is_taken_without_the_line_end_of_a_secret(monkeypatch, tmp_path, uri):
    for written in (uri, f"{uri}\n", f" {uri}\r\n"):
        monkeypatch.setenv(VARIABLE, written)
        assert address.configured() == uri
        assert address.tracking_uri(tmp_path) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "localhost:5000",
        "mlflow.example.com",
        "127.0.0.1",
        "http:/127.0.0.1:5000",
        "//mlflow",
        "mlruns",
        "a\nhttp://b",
    ],
)
def test_uri_without_a_scheme_is_one_line(monkeypatch, uri):
    monkeypatch.setenv(VARIABLE, uri)
    with pytest.raises(LastroError) as refused:
        address.configured()
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("MLFLOW_TRACKING_URI")
    assert "http://" in refused.value.fix


def test_stage_refuses_such_a_uri_before_it_works(project):
    project.paths.model.unlink()
    done = subprocess.run(
        [sys.executable, "-m", "lastro.cli", "stage", "train"],
        cwd=project.folder,
        env={**os.environ, VARIABLE: "localhost:5000"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert line.startswith("error: MLFLOW_TRACKING_URI")
    assert not project.paths.model.exists()


def test_experiment_opens_as_model_training_and_says_who(make_clone, tmp_path):
    store = opened(make_clone(tmp_path / "clone"))
    assert store.experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    # A kind that a person chose stays. An experiment that was made before gets it with its next run.
    store.client.set_experiment_tag(store.experiment.experiment_id, "mlflow.experimentKind", "finetuning")
    store = opened(tmp_path / "clone")
    run = runs.find_or_create_run(store, "0" * 32, "name", {}, None)
    assert opened(tmp_path / "clone").experiment.tags["mlflow.experimentKind"] == "finetuning"
    store.client.delete_experiment_tag(store.experiment.experiment_id, "mlflow.experimentKind")
    store = opened(tmp_path / "clone")
    runs.find_or_create_run(store, "1" * 32, "name", {}, None)
    assert opened(tmp_path / "clone").experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert run.data.tags[runs.MODEL] == "0" * 32


@pytest.mark.parametrize("uri", ["", "sqlite:////elsewhere/mlflow.db"])
def test_pages_come_from_one_process_without_jobs(make_clone, tmp_path, monkeypatch, uri):
    clone = make_clone(tmp_path / "clone")
    (clone / "dvc.yaml").touch()
    monkeypatch.chdir(clone)
    monkeypatch.setenv(VARIABLE, uri)
    monkeypatch.delenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", raising=False)
    started = []
    monkeypatch.setattr(os, "execv", lambda _, command: started.append((command, dict(os.environ))))
    cli.main(["ui", "--port", "5001"], standalone_mode=False)
    ((command, environment),) = started
    assert " ".join(command).endswith(
        f"-m mlflow ui --backend-store-uri {uri or f'sqlite:///{clone}/mlflow.db'} --workers 1 --port 5001"
    )
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_pages_of_a_server_are_its_own(make_clone, tmp_path, monkeypatch):
    clone = make_clone(tmp_path / "clone")
    (clone / "dvc.yaml").touch()
    monkeypatch.chdir(clone)
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:1")
    with pytest.raises(LastroError, match="open it in a browser"):
        cli.main(["ui"], standalone_mode=False)


def damaged(database: Path) -> None:
    database.write_bytes(b"no database at all" * 100)


def locked(database: Path) -> sqlite3.Connection:
    other = sqlite3.connect(database)
    other.execute("BEGIN EXCLUSIVE")
    return other


@pytest.mark.parametrize(
    ("spoil", "word"), [(damaged, "mv mlflow.db damaged.db"), (locked, "fuser mlflow.db")]
)
def test_store_that_is_damaged_or_locked_is_one_line(make_clone, tmp_path, monkeypatch, spoil, word):
    clone = make_clone(tmp_path / "clone")
    monkeypatch.setattr(address, "SECONDS", 0.1)
    kept = spoil(clone / "mlflow.db")
    with pytest.raises(ExternalError) as failed:
        open_store(clone)
    assert word in failed.value.fix
    assert "\n" not in str(failed.value)
    if kept is None:
        # The fix fixes.
        (clone / "mlflow.db").rename(clone / "damaged.db")
    else:
        kept.close()
    assert opened(clone).experiment.name == "breast-cancer"


@pytest.mark.parametrize(
    ("version", "fix"),
    [("cbc13b556ace", "mlflow db upgrade sqlite:///"), ("fedcba987654", "install the newer")],
)
def test_store_of_another_mlflow_is_one_line(make_clone, tmp_path, version, fix):
    clone = make_clone(tmp_path / "clone")
    with sqlite3.connect(clone / "mlflow.db") as other:
        other.execute("UPDATE alembic_version SET version_num = ?", (version,))
    other.close()
    with pytest.raises(ExternalError, match="another version of MLflow") as failed:
        opened(clone)
    assert fix in failed.value.fix


def test_deleted_experiment_comes_back_by_its_fix(make_clone, tmp_path):
    clone = make_clone(tmp_path / "a clone")
    store = opened(clone)
    store.client.delete_experiment(store.experiment.experiment_id)
    with pytest.raises(ExternalError, match="is deleted") as failed:
        opened(clone)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(failed.value.fix, shell=True, cwd=tmp_path, env={**os.environ, "PATH": path}, check=True)
    assert opened(clone).experiment.lifecycle_stage == "active"
