"""A run holds the whole story, is found by its model, and is rebuilt when it is lost, in every store."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from lastro.operations.tracking import record, runs
from lastro.operations.tracking.store import open_store


@contextmanager
def killed_at(monkeypatch, module, name: str):
    """The recorder is killed when it comes to the function."""

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, name, killed)
        with pytest.raises(KeyboardInterrupt):
            yield


@pytest.fixture(
    params=["embedded", "file", pytest.param("server", marks=pytest.mark.e2e)],
)
def store_kind(request, project, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if request.param == "file":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", (project.folder / "runs").as_uri())
        monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    elif request.param == "server":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", request.getfixturevalue("server").uri)
        name = f"name: test-{project.folder.parent.name[-40:].replace('_', '-')}"
        text = project.paths.params.read_text().replace("name: breast-cancer", name)
        project.paths.params.write_text(text)
    yield request.param
    mlflow.set_tracking_uri(None)


def all_runs(store):
    return store.client.search_runs([store.experiment.experiment_id])


def test_run_holds_the_whole_story(project, store_kind):
    store = open_store(project.folder)
    where = record.record(store, project.paths, "evaluate")
    (run,) = all_runs(store)
    assert run.info.run_id in where
    assert run.info.status == "FINISHED"

    digest = hashlib.md5(project.paths.model.read_bytes()).hexdigest()
    assert run.data.tags[runs.MODEL] == digest
    assert run.data.tags["lastro.verdict"] == "pass"
    assert run.data.tags["lastro.data"].endswith(".dir")
    assert len(run.data.tags["lastro.params"]) == 64
    assert run.data.params["model.family"] == "xgboost"
    assert run.data.params["model.params.max_depth"] == "3"
    # A default that params.yaml leaves out is a parameter too.
    assert run.data.params["model.params.reg_lambda"] == "1.0"

    training = json.loads(project.paths.training.read_text())
    history = store.client.get_metric_history(run.info.run_id, "train.validation-logloss")
    assert [(p.step, p.value) for p in sorted(history, key=lambda p: p.step)] == list(
        enumerate(training["history"]["validation-logloss"])
    )
    metrics = json.loads(project.paths.evaluation.read_text())["metrics"]
    for name in ("roc_auc", "log_loss"):
        assert run.data.metrics[name] == metrics[name]["value"]
        assert run.data.metrics[f"{name}.low"] == metrics[name]["low"]
        assert run.data.metrics[f"{name}.baseline"] == metrics[name]["baseline"]
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.digest == run.data.tags["lastro.data"]

    logged = {
        f"{folder}/{item.path.rpartition('/')[2]}"
        for folder in ("plots", "evaluation", "model", "training")
        for item in store.client.list_artifacts(run.info.run_id, folder)
    }
    assert logged >= {
        "plots/roc.png",
        "plots/learning_curve.png",
        "evaluation/predictions.parquet",
        "evaluation/verdict.json",
        "evaluation/model_card.md",
        "model/model.ubj",
        "model/input_example.json",
        "training/training.json",
    }
    folder = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/model")
    assert hashlib.md5(Path(folder, "model.ubj").read_bytes()).hexdigest() == digest
    pinned = Path(folder, "requirements.txt").read_text().split()
    assert all("==" in line for line in pinned)
    assert {line.split("==")[0] for line in pinned} >= {"mlflow", "xgboost-cpu", "numpy"}
    assert str(project.folder) not in Path(folder, "MLmodel").read_text()
    assert mlflow.xgboost.load_model(folder).num_features() == 30


def test_hyperparameter_that_names_columns_is_one_param(project, store_kind):
    """MLflow takes neither a column's punctuation in the name of a param, nor more than 6000 characters for its value."""
    training = json.loads(project.paths.training.read_text())
    signs = {"mean radius (cm), 50 %": 1, **{f"column {number}": -1 for number in range(500)}}
    training["params"]["model"]["params"]["monotone_constraints"] = signs
    project.paths.training.write_text(json.dumps(training))
    store = open_store(project.folder)
    record.record(store, project.paths, "train")
    (run,) = all_runs(store)
    assert run.data.tags[runs.TRAINED] == "true"
    value = run.data.params["model.params.monotone_constraints"]
    assert len(value) == 6000
    assert json.dumps(signs).startswith(value)
    assert run.data.params["data.split.test"] == "0.2"


def test_recording_again_changes_nothing(project, store_kind):
    store = open_store(project.folder)
    record.record(store, project.paths, "evaluate")
    (before,) = all_runs(store)
    record.record(store, project.paths, "evaluate")
    (after,) = all_runs(store)
    assert after.to_dictionary() == before.to_dictionary()
    assert len(store.client.get_metric_history(after.info.run_id, "roc_auc")) == 1


def test_interrupted_run_is_completed_in_place(project, store_kind):
    store = open_store(project.folder)
    digest = record.file_digest(project.paths.model)
    # What a recording that was killed after its first calls leaves behind.
    left = store.client.create_run(store.experiment.experiment_id, tags={runs.MODEL: digest})
    store.client.log_param(left.info.run_id, "model.family", "xgboost")
    record.record(store, project.paths, "evaluate")
    (run,) = all_runs(store)
    assert run.info.run_id == left.info.run_id
    assert run.data.tags[runs.TRAINED] == "true"
    assert run.info.status == "FINISHED"


def test_new_evaluation_of_the_same_model_replaces_the_old(project, store_kind):
    store = open_store(project.folder)
    record.record(store, project.paths, "evaluate")
    verdict = json.loads(project.paths.verdict.read_text())
    verdict["passed"] = False
    project.paths.verdict.write_text(json.dumps(verdict))
    record.record(store, project.paths, "evaluate")
    (run,) = all_runs(store)
    assert run.data.tags["lastro.verdict"] == "fail"


def edit_verdict(project, passed: bool) -> None:
    verdict = json.loads(project.paths.verdict.read_text())
    project.paths.verdict.write_text(json.dumps({**verdict, "passed": passed}))


def test_recording_of_another_evaluation_that_was_interrupted_is_not_taken_for_the_first(
    project, monkeypatch
):
    store = open_store(project.folder)
    record.record(store, project.paths, "evaluate")
    (before,) = all_runs(store)
    first = project.paths.verdict.read_text()
    edit_verdict(project, False)

    with killed_at(monkeypatch, MlflowClient, "log_artifacts"):
        record.record(store, project.paths, "evaluate")
    project.paths.verdict.write_text(first)
    record.record(store, project.paths, "evaluate")
    (run,) = all_runs(store)
    assert run.data.tags == before.data.tags
    verdict = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/evaluation/verdict.json")
    assert Path(verdict).read_text() == first


def test_trial_leaves_the_evaluation_of_the_pipeline_alone(project):
    store = open_store(project.folder)
    record.record(store, project.paths, "evaluate")
    (before,) = all_runs(store)
    edit_verdict(project, False)
    for stage in ("train", "evaluate"):
        where = record.record(store, project.paths, stage, trial=True)
    (after,) = all_runs(store)
    assert after.to_dictionary() == before.to_dictionary()
    assert "keeps its own evaluation" in where


def test_trial_replaces_the_evaluation_of_a_trial(project):
    store = open_store(project.folder)
    record.record(store, project.paths, "evaluate", trial=True)
    edit_verdict(project, False)
    record.record(store, project.paths, "evaluate", trial=True)
    (run,) = all_runs(store)
    assert run.data.tags["lastro.verdict"] == "fail"
    assert run.data.tags[runs.TRIAL] == "true"


def test_pipeline_takes_the_run_of_a_trial_over(project, store_kind, monkeypatch):
    def commit(name: str):
        monkeypatch.setattr(record.git, "state", lambda _: (name * 40, name == "a"))

    store = open_store(project.folder)
    commit("a")
    record.record(store, project.paths, "evaluate", trial=True)
    (trial,) = all_runs(store)
    assert trial.data.tags[runs.TRIAL] == "true"
    assert trial.data.tags["mlflow.source.name"] == "lastro train"
    commit("b")
    record.record(store, project.paths, "train")
    record.record(store, project.paths, "evaluate")
    (run,) = all_runs(store)
    assert run.data.tags == {
        **trial.data.tags,
        runs.TRIAL: "false",
        "mlflow.source.name": "dvc repro",
        "mlflow.source.git.commit": "b" * 40,
        "lastro.commit": "b" * 40,
        "lastro.dirty": "false",
    }
    assert (run.info.run_id, run.data.metrics) == (trial.info.run_id, trial.data.metrics)
    assert len(run.inputs.dataset_inputs) == 1
    # Once taken over, it stays as it is, whoever comes next.
    commit("c")
    record.record(store, project.paths, "evaluate")
    record.record(store, project.paths, "evaluate", trial=True)
    (after,) = all_runs(store)
    assert after.to_dictionary() == run.to_dictionary()


def test_data_of_a_trial_that_named_its_rows_otherwise_stays_with_its_key(project):
    """MLflow changes no param: the key that rows are named by, and the data in which they are, must go together."""
    store = open_store(project.folder)
    training = json.loads(project.paths.training.read_text())
    with_key = json.loads(project.paths.training.read_text())
    with_key["params"]["data"]["key"] = "row"
    project.paths.training.write_text(json.dumps(with_key))
    record.record(store, project.paths, "train", trial=True)
    (trial,) = all_runs(store)
    project.paths.training.write_text(json.dumps(training))
    (project.paths.prepared / "more").write_text("other prepared data")
    record.record(store, project.paths, "train")
    (run,) = all_runs(store)
    assert run.data.params["data.key"] == "row"
    assert run.data.tags["lastro.data"] == trial.data.tags["lastro.data"]
    assert run.data.tags[runs.TRIAL] == "false"


def test_takeover_that_was_interrupted_is_completed(project, monkeypatch):
    store = open_store(project.folder)
    record.record(store, project.paths, "train", trial=True)

    with killed_at(monkeypatch, record, "log_dataset"):
        record.record(store, project.paths, "train")
    record.record(store, project.paths, "train")
    (run,) = all_runs(store)
    assert (run.data.tags[runs.TRIAL], run.data.tags[runs.TRAINED]) == ("false", "true")


def test_input_example_is_no_row_of_the_data(project, store_kind):
    store = open_store(project.folder)
    record.record(store, project.paths, "train")
    (run,) = all_runs(store)
    folder = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/model")
    example = mlflow.models.Model.load(folder).load_input_example(folder)
    for part in ("train", "validation", "test"):
        rows = pq.read_table(project.paths.prepared / f"{part}.parquet").to_pandas()[example.columns]
        assert not (rows == example.iloc[0]).all(axis=1).any()


def test_training_of_the_same_model_again_makes_no_second_run(project, monkeypatch):
    # MLflow leaves the last store that this process opened in the environment, which the recorder inherits.
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    project.run("train")
    project.run("train")
    store = open_store(project.folder)
    assert len(all_runs(store)) == 1
    mlflow.set_tracking_uri(None)


@pytest.mark.e2e
def test_many_at_once_leave_one_run(project, server):
    env = {**os.environ, "MLFLOW_TRACKING_URI": server.uri}
    text = project.paths.params.read_text()
    project.paths.params.write_text(text.replace("name: breast-cancer", "name: many-at-once"))
    (project.folder / "dvc.yaml").write_text("")
    command = [sys.executable, "-m", "lastro.cli", "sync"]
    started = [
        subprocess.Popen(
            command, cwd=project.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(6)
    ]
    outputs = [process.communicate()[0].decode() for process in started]
    assert [process.returncode for process in started] == [0] * 6, outputs
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("many-at-once")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.tags[runs.TRAINED] == "true"
    assert all(run.info.run_id in output for output in outputs)
