"""The content of evaluation.json, the baseline, the slices and the plot data."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import auc, confusion_matrix, roc_auc_score

from lastro.core.errors import LastroError
from lastro.core.metric_names import names
from lastro.core.params import Evaluation
from lastro.evaluation import summary
from lastro.evaluation.curves import curves
from lastro.evaluation.metrics import Resampled, baseline, baseline_metrics, compute
from lastro.families.train import training_prior

PRIOR = {2: [0.5, 0.5], 4: [0.25] * 4, 0: 10.0}
SLICED = Evaluation(resamples=100, slices=["sex"])


def summarise(predictions, prior, evaluation) -> dict:
    return summary.summarise(Resampled.of(predictions, evaluation), prior, evaluation)


@pytest.mark.parametrize("k", [2, 4, 0])
def test_the_report_holds_every_metric_with_interval_and_baseline(model, k):
    predictions = model(300, k)
    found = json.loads(json.dumps(summarise(predictions, PRIOR[k], SLICED), allow_nan=False))
    assert (found["task"], found["rows"]) == (predictions.task, 300)
    values = compute(predictions)
    assert list(found["metrics"]) == list(names(predictions.task, k))
    for name, metric in found["metrics"].items():
        assert list(metric) == ["value", "low", "high", "baseline", "higher_is_better"]
        assert metric["value"] == pytest.approx(values[name], rel=1e-5)
        assert metric["low"] < metric["high"]
        assert metric["baseline"] is not None


def test_the_report_does_not_depend_on_the_order_of_rows(model):
    predictions = model(300)
    texts = {
        json.dumps(summarise(predictions, PRIOR[2], SLICED)),
        json.dumps(summarise(predictions.take(np.arange(300)[::-1]), PRIOR[2], SLICED)),
    }
    assert len(texts) == 1


def test_what_is_undefined_is_null(model):
    predictions = model(100).take(model(100).truth == 1)
    metric = summarise(predictions, PRIOR[2], Evaluation(resamples=100))["metrics"]["roc_auc"]
    assert [metric[name] for name in ("value", "low", "high", "baseline")] == [None] * 4


def test_slices_are_the_metrics_of_their_rows(model):
    predictions = model(300)
    found = summarise(predictions, PRIOR[2], SLICED)["slices"]["sex"]
    assert list(found) == ["f", "m"]
    assert sum(group["rows"] for group in found.values()) == 300
    for group, report in found.items():
        rows = predictions.take(predictions.slices["sex"] == group)
        alone = summarise(rows, PRIOR[2], Evaluation(resamples=100))["metrics"]
        for name, metric in report["metrics"].items():
            assert metric == {field: alone[name][field] for field in ("value", "low", "high")}


def test_a_slice_column_that_is_not_there_is_refused(model):
    with pytest.raises(LastroError, match=r"no slice column 'site' \(they have: sex\)"):
        summarise(model(50), PRIOR[2], Evaluation(slices=["site"]))


def test_the_baseline_is_scikit_learns_dummy(model):
    held_out, training = model(200, 4), model(500, 4, seed=3)
    dummy = DummyClassifier(strategy="prior").fit(training.scores, training.truth)
    expected = replace(held_out, scores=dummy.predict_proba(held_out.scores))
    shares = training_prior(training.truth, SimpleNamespace(task="classification", labels=range(4)))
    wanted = ("accuracy", "log_loss")
    assert baseline_metrics(held_out, shares, wanted) == pytest.approx(compute(expected, wanted))
    held_out, training = model(200, 0), model(500, 0, seed=3)
    dummy = DummyRegressor().fit(training.scores, training.truth)
    expected = replace(held_out, scores=dummy.predict(held_out.scores))
    mean = training_prior(training.truth, SimpleNamespace(task="regression"))
    assert baseline_metrics(held_out, mean) == pytest.approx(compute(expected))


def test_the_baseline_is_as_good_as_chance_where_its_one_class_says_nothing(model):
    found = baseline_metrics(model(200), [0.7, 0.3])
    assert (found["roc_auc"], found["matthews_correlation"], found["recall"], found["f1"]) == (0.5, 0, 0, 0)
    assert found["precision"] == found["average_precision"] == pytest.approx(np.mean(model(200).truth))
    assert baseline_metrics(model(200, 4), PRIOR[4])["precision_macro"] == 0.25


def test_a_prior_that_does_not_fit_is_refused(model):
    for k, prior in ((2, [0.2, 0.3, 0.5]), (2, 0.5), (0, [0.5, 0.5])):
        with pytest.raises(LastroError, match="the prior has shape"):
            baseline(model(20, k), prior)


def test_roc_points_enclose_the_area_that_the_metric_says(model):
    predictions = model(2000)
    points = curves(predictions)["roc"]
    assert len(points) == 200
    x, y = ([point[f"{name}_positive_rate"] for point in points] for name in ("false", "true"))
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    area = roc_auc_score(predictions.truth, predictions.scores[:, 1])
    assert auc(x, y) == pytest.approx(area, abs=0.005)


def test_precision_recall_starts_at_the_best_row_and_ends_at_all(model):
    predictions = model(2000)
    points = curves(predictions)["precision_recall"]
    assert len(points) == 200
    assert points[0]["threshold"] == pytest.approx(predictions.scores[:, 1].max(), rel=1e-5)
    assert points[-1]["recall"] == 1
    assert points[-1]["precision"] == pytest.approx(np.mean(predictions.truth), rel=1e-5)


def test_confusion_counts_every_row_once(model):
    for k in (2, 4):
        predictions = model(500, k)
        counts = [cell["rows"] for cell in curves(predictions)["confusion"]]
        expected = confusion_matrix(predictions.truth, predictions.predicted)
        assert counts == expected.ravel().tolist()


def test_calibration_groups_hold_all_rows_and_keep_ties_together(model):
    for decimals, maximum in ((None, 12), (1, 11)):
        points = curves(model(600, decimals=decimals))["calibration"]
        assert sum(point["rows"] for point in points) == 600
        assert 5 <= len(points) <= maximum
        predicted = [point["predicted"] for point in points]
        assert predicted == sorted(set(predicted))


def test_more_classes_are_plotted_one_by_one(model):
    found = curves(model(500, 4))
    for name in ("roc", "precision_recall", "calibration"):
        assert {row["class"] for row in found[name]} == {0, 1, 2, 3}
        assert max(sum(row["class"] == c for row in found[name]) for c in range(4)) <= 200


def test_regression_is_plotted_by_sample_and_histogram(model):
    predictions = model(1000, 0)
    found = curves(predictions)
    actual = [row["actual"] for row in found["predicted_vs_actual"]]
    assert len(actual) == 200
    assert (actual[0], actual[-1]) == pytest.approx(
        (predictions.truth.min(), predictions.truth.max()), rel=1e-5
    )
    assert sum(row["rows"] for row in found["residuals"]) == 1000


@pytest.mark.parametrize("k", [2, 4, 0])
def test_plot_data_is_json_of_any_rows_in_any_order(model, k):
    predictions = model(300, k, decimals=1)
    text = json.dumps(curves(predictions), allow_nan=False)
    assert json.dumps(curves(predictions.take(np.arange(300)[::-1]))) == text
    scores = predictions.scores.copy()
    scores[0] = np.nan
    for rows in (replace(predictions, scores=scores), predictions.take(slice(0)), predictions.take(slice(1))):
        json.dumps(curves(rows), allow_nan=False)


def test_nothing_heavy_is_imported():
    code = (
        "import sys, lastro.evaluation.gate, lastro.evaluation.summary, lastro.evaluation.curves\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'sklearn', 'scipy', 'pandas', 'pyarrow', 'pydantic', 'mlflow', 'xgboost'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
