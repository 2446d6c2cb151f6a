"""Every family, on every task that it does, from a table with all kinds of columns to a verdict."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lastro.core.paths import Paths
from lastro.evaluation.evaluate import evaluate
from lastro.evaluation.predictions import Predictions
from lastro.families import catalog
from lastro.families.catalog import load_params
from lastro.families.train import train
from lastro.tables.matrix import read_rows
from lastro.tables.prepare import prepare
from lastro.tables.schema import read_schema
from tests import example
from tests.small_tables import FEW, TARGETS, cases, table


@pytest.mark.parametrize(("family", "kind"), cases(TARGETS))
def test_from_table_to_verdict(family, kind, tmp_path, root, monkeypatch):
    monkeypatch.setenv("LASTRO_TRACKING", "off")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "schema.json").write_text("{}")
    pq.write_table(table(kind), tmp_path / "t.parquet")
    overrides = {"data.source": "t.parquet", "model": {"family": family, "params": FEW.get(family, {})}}
    overrides |= {"evaluation.slices": ["city", "size"], "evaluation.resamples": 200}
    params, paths = load_params(example.PARAMS, overrides), Paths.of(tmp_path)
    prepare(params, paths)
    train(params, paths)
    evaluate(params, paths)

    predictions, test = Predictions.read(paths.predictions), pq.read_table(paths.test)
    assert predictions.keys.tolist() == test["__key__"].to_pylist()
    assert predictions.names(predictions.truth).tolist() == test["target"].to_pylist()
    assert set(predictions.slices["city"]) == {"Porto", "Aveiro", "Évora", "(missing)"}
    verdict = json.loads(paths.verdict.read_text())
    assert verdict["passed"], verdict
    metrics = json.loads(paths.evaluation.read_text())["metrics"]
    primary = {"three": "roc_auc_ovr_macro", "regression": "r2"}.get(kind, "roc_auc")
    assert metrics[primary]["value"] > 0.75
    assert metrics[primary]["low"] <= metrics[primary]["value"] <= metrics[primary]["high"]
    assert metrics[primary]["baseline"] < metrics[primary]["low"]
    card = paths.model_card.read_text()
    assert "city" in card
    assert "Verdict: **pass**" in card
    assert (paths.plots / "importance.csv").read_text().count("\n") == 8
    # What the recorder does with the model: read back and predict the same.
    again = catalog.get(family)
    schema = read_schema(paths.schema)
    from lastro.families.protocol import Problem

    X, _ = read_rows(paths.test, schema)
    scores = again.predict(again.from_bytes(paths.model.read_bytes()), X, Problem.of(schema))
    assert np.array_equal(scores, predictions.scores)


def test_text_of_the_data_is_no_markup_in_the_model_card(tmp_path, root, monkeypatch):
    monkeypatch.setenv("LASTRO_TRACKING", "off")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "schema.json").write_text("{}")
    hostile = "@octocat <img src=x> ![x](https://example.com/x) `#1` | *"
    rows = table("boolean")
    cities = [hostile if city == "Porto" else city for city in rows["city"].to_pylist()]
    rows = rows.set_column(rows.schema.get_field_index("city"), f"city {hostile}", pa.array(cities))
    pq.write_table(rows, tmp_path / "t.parquet")
    overrides = {"data.source": "t.parquet", "model": {"family": "logistic_regression"}}
    overrides |= {"evaluation.slices": [f"city {hostile}"], "evaluation.resamples": 200}
    params, paths = load_params(example.PARAMS, overrides), Paths.of(tmp_path)
    prepare(params, paths)
    train(params, paths)
    evaluate(params, paths)
    card = paths.model_card.read_text()
    assert "octocat" in card
    outside = re.sub(r"`[^`\n]*`", "", card)
    for sign in ("@", "<", "![", "#1"):
        assert sign not in outside


def test_params_may_leave_out_every_section_with_defaults(tmp_path, monkeypatch):
    monkeypatch.setenv("LASTRO_TRACKING", "off")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "schema.json").write_text("{}")
    source = example.table("iris", tmp_path)
    (tmp_path / "params.yaml").write_text(f"name: least\ndata: {{source: {source}, target: target}}\n")
    params, paths = load_params(tmp_path / "params.yaml"), Paths.of(tmp_path)
    prepare(params, paths)
    train(params, paths)
    evaluate(params, paths)
    assert "with the family `xgboost`" in paths.model_card.read_text()
    assert "The library's defaults." in paths.model_card.read_text()


def test_metric_of_another_task_is_refused_by_name(tmp_path, root, monkeypatch):
    from lastro.core.errors import LastroError

    monkeypatch.setenv("LASTRO_TRACKING", "off")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "schema.json").write_text("{}")
    params = load_params(
        example.PARAMS,
        {"data.source": example.table("diabetes", tmp_path), "gate.metric": "roc_auc", "model.params": {}},
    )
    paths = Paths.of(tmp_path)
    with pytest.raises(LastroError, match=r"gate.metric.*roc_auc") as caught:
        prepare(params, paths)
    assert "r2" in str(caught.value)
    assert not paths.prepared.exists()
