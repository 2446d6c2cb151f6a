"""A training that diverges, and numbers that have no place in JSON, end in one line and change nothing."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lastro.core.errors import LastroError
from lastro.core.paths import Paths
from lastro.core.yaml12 import load_mapping
from lastro.evaluation.evaluate import evaluate
from lastro.families.catalog import load_params
from lastro.families.train import train
from lastro.operations.lineage import lineage
from lastro.tables.prepare import prepare
from tests import example

X = np.random.default_rng(0).normal(size=200)


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Prepares a target with a family's hyperparameters; returns params and paths."""
    monkeypatch.setenv("LASTRO_TRACKING", "off")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "schema.json").write_text("{}")

    def prepared(target, family: str, **values):
        pq.write_table(pa.table({"x": X, "target": target}), tmp_path / "t.parquet")
        overrides = {"data.source": "t.parquet", "model": {"family": family, "params": values}}
        params, paths = load_params(example.PARAMS, overrides), Paths.of(tmp_path)
        prepare(params, paths)
        return params, paths

    return prepared


@pytest.mark.parametrize(
    ("family", "scale", "values", "words"),
    [
        ("xgboost", 1, {"learning_rate": 1e6}, ["xgboost: train-rmse is inf in round", "learning_rate"]),
        ("hist_gradient_boosting", 1, {"learning_rate": 1e300}, ["is inf in round 1 of", "learning_rate"]),
        ("random_forest", 1e200, {"n_estimators": 5}, ["random_forest", "scale a target"]),
        ("elastic_net", 1e308, {}, ["'target'", "scale the column"]),
    ],
)
def test_divergence_is_one_line(prepared, family, scale, values, words):
    with np.errstate(over="ignore"):
        target = np.clip(3 * X + 5, 0, 10) / 10 * scale
    params, paths = prepared(target, family, **values)
    with pytest.raises(LastroError) as caught:
        train(params, paths)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    assert not paths.model.exists()
    assert not paths.training.exists()


def test_no_penalty_is_recorded(prepared, tmp_path):
    params, paths = prepared(np.where(X > 0, "a", "b"), "logistic_regression", C=None)
    train(params, paths)
    evaluate(params, paths)
    record = json.loads(paths.training.read_text())["params"]
    assert record["model"]["params"] == {"C": None}
    written = load_mapping(b"model: {family: logistic_regression, params: {C: null}}", "params.yaml", "")
    assert lineage.params_digest(written | {"data": record["data"]}) == lineage.params_digest(record)
