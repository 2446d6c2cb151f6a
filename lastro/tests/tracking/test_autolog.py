"""`tracking.mode: autolog`: MLflow's own logging of the family beside ours, in one run."""

from __future__ import annotations

import mlflow
import pytest
import yaml

from lastro.operations.tracking import runs
from lastro.operations.tracking.store import open_store

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("family", "params", "logged"),
    [
        ("xgboost", {"n_estimators": 10, "max_depth": 2}, {"max_depth": "2"}),
        ("random_forest", {"n_estimators": 5}, {"n_estimators": "5"}),
        ("logistic_regression", {"C": 0.5}, {"estimate__C": "0.5"}),
    ],
)
def test_autologging_and_ours_are_one_run(project, monkeypatch, family, params, logged):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    content = yaml.safe_load(project.paths.params.read_text())
    content["tracking"]["mode"] = "autolog"
    content["model"] = {"family": family, "params": params}
    project.paths.params.write_text(yaml.safe_dump(content))
    try:
        project.run("train", "evaluate")
        # Again: the model has its run, and autologging's new one must not stay beside it.
        project.run("train")
        store = open_store(project.folder)
        (run,) = store.client.search_runs([store.experiment.experiment_id])
    finally:
        mlflow.set_tracking_uri(None)
    assert run.data.tags["lastro.autolog"] == "true"
    assert run.data.tags[runs.TRAINED] == "true"
    assert run.data.tags["lastro.verdict"] in ("pass", "fail")
    assert run.info.status == "FINISHED"
    # MLflow's own names, and ours with the section in front.
    for name, value in logged.items():
        assert run.data.params[name] == value
    assert run.data.params["model.family"] == family
    if family == "xgboost":
        assert {"train-logloss", "validation-logloss"} <= set(run.data.metrics)


@pytest.mark.parametrize("family", ["xgboost", "random_forest", "logistic_regression"])
def test_autologging_changes_no_byte_of_the_model(project, monkeypatch, family):
    models = []
    for mode in ("explicit", "autolog"):
        content = yaml.safe_load(project.paths.params.read_text())
        content["tracking"]["mode"] = mode
        content["model"] = {"family": family, "params": {}}
        project.paths.params.write_text(yaml.safe_dump(content))
        if mode == "explicit":
            monkeypatch.setenv("LASTRO_TRACKING", "off")
        else:
            monkeypatch.delenv("LASTRO_TRACKING")
        try:
            project.run("train")
        finally:
            mlflow.set_tracking_uri(None)
        models.append(project.paths.model.read_bytes())
    assert models[0] == models[1]
