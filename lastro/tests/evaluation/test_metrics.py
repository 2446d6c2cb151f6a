"""Every metric against scikit-learn's, with ties, extremes and weights; and NaN where there is no value."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from lastro.core.errors import LastroError
from lastro.core.metric_names import METRICS, names, resolve
from lastro.evaluation.metrics import compute
from lastro.evaluation.predictions import Predictions

BINARY = {
    "accuracy": lambda y, p, w: sk.accuracy_score(y, p.argmax(1), sample_weight=w),
    "balanced_accuracy": lambda y, p, w: sk.balanced_accuracy_score(y, p.argmax(1), sample_weight=w),
    "roc_auc": lambda y, p, w: sk.roc_auc_score(y, p[:, 1], sample_weight=w),
    "average_precision": lambda y, p, w: sk.average_precision_score(y, p[:, 1], sample_weight=w),
    "log_loss": lambda y, p, w: sk.log_loss(y_true=y, y_proba=p, sample_weight=w, labels=[0, 1]),
    "brier_score": lambda y, p, w: sk.brier_score_loss(y, p[:, 1], sample_weight=w),
    "f1": lambda y, p, w: sk.f1_score(y, p.argmax(1), sample_weight=w),
    "precision": lambda y, p, w: sk.precision_score(y, p.argmax(1), sample_weight=w, zero_division=np.nan),
    "recall": lambda y, p, w: sk.recall_score(y, p.argmax(1), sample_weight=w),
    "matthews_correlation": lambda y, p, w: (
        sk.matthews_corrcoef(y, p.argmax(1), sample_weight=w) if len(set(p.argmax(1))) > 1 else np.nan
    ),
}


def one_hot(y: np.ndarray, k: int) -> np.ndarray:
    return np.eye(k)[y]


MULTICLASS = {
    "accuracy": BINARY["accuracy"],
    "balanced_accuracy": BINARY["balanced_accuracy"],
    "roc_auc_ovr_macro": lambda y, p, w: sk.roc_auc_score(one_hot(y, p.shape[1]), p, sample_weight=w),
    "average_precision_macro": lambda y, p, w: sk.average_precision_score(
        one_hot(y, p.shape[1]), p, sample_weight=w
    ),
    "log_loss": lambda y, p, w: sk.log_loss(y_true=y, y_proba=p, sample_weight=w, labels=range(p.shape[1])),
    "brier_score": lambda y, p, w: sk.brier_score_loss(y, p, sample_weight=w, labels=range(p.shape[1])),
    "f1_macro": lambda y, p, w: sk.f1_score(y, p.argmax(1), sample_weight=w, average="macro"),
    "precision_macro": lambda y, p, w: sk.precision_score(y, p.argmax(1), sample_weight=w, average="macro"),
    "recall_macro": lambda y, p, w: sk.recall_score(y, p.argmax(1), sample_weight=w, average="macro"),
    "matthews_correlation": BINARY["matthews_correlation"],
}
REGRESSION = {
    "rmse": lambda y, p, w: sk.root_mean_squared_error(y, p, sample_weight=w),
    "mae": lambda y, p, w: sk.mean_absolute_error(y, p, sample_weight=w),
    "median_absolute_error": lambda y, p, w: sk.median_absolute_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: sk.r2_score(y, p, sample_weight=w),
    "mape": lambda y, p, w: sk.mean_absolute_percentage_error(y, p, sample_weight=w),
}
REFERENCE = {2: BINARY, 4: MULTICLASS, 0: REGRESSION}


def assert_like_sklearn(predictions: Predictions, weights: np.ndarray | None = None) -> None:
    reference = REFERENCE[len(predictions.labels)]
    found = compute(predictions, weights=weights)
    assert set(reference) == set(found) - {"calibration_error"}
    for name, function in reference.items():
        expected = function(predictions.truth, predictions.scores, weights)
        assert found[name] == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), name


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("k", [2, 4, 0])
@pytest.mark.parametrize("weighting", ["none", "counts", "fractions"])
def test_equals_scikit_learn(model, k, decimals, weighting):
    for seed in range(5):
        predictions = model(150, k, seed)
        if decimals and k:
            # Ties, and still rows that sum to one.
            scores = predictions.scores.round(decimals)
            predictions = replace(predictions, scores=scores / scores.sum(axis=1, keepdims=True))
        random = np.random.default_rng(seed)
        weights = {
            "none": None,
            "counts": random.integers(1, 4, 150),
            "fractions": random.uniform(0.1, 3, 150),
        }[weighting]
        assert_like_sklearn(predictions, weights)


def test_equals_scikit_learn_on_extremes():
    truth = np.array([0, 0, 1, 1, 0, 1, 1])
    for positive in (
        np.full(7, 0.3),
        np.full(7, 0.8),
        truth.astype(float),
        1.0 - truth,
        np.array([0, 0, 0, 1, 1, 1, 1.0]),
        np.array([0.5, 0.5, 0.5, 0.5, 0.1, 0.9, 0.9]),
    ):
        scores = np.stack([1 - positive, positive], axis=1)
        assert_like_sklearn(Predictions("classification", ("no", "yes"), np.arange(7), truth, scores))


def test_regression_far_from_zero_and_with_outliers_equals_scikit_learn():
    random = np.random.default_rng(1)
    for truth in (random.normal(1e6, 1e-2, 99), np.append(random.normal(size=98), 1e9)):
        values = truth + random.normal(size=99) * 1e-3
        assert_like_sklearn(Predictions("regression", (), np.arange(99), truth, values))


def test_calibration_error_of_two_classes(model):
    predictions = model(400, 2)
    observed, predicted = calibration_curve(predictions.truth, predictions.scores[:, 1], n_bins=15)
    rows, _ = np.histogram(predictions.scores[:, 1], bins=15, range=(0, 1))
    expected = np.average(np.abs(observed - predicted), weights=rows[rows > 0])
    assert compute(predictions)["calibration_error"] == pytest.approx(expected)


def test_calibration_error_of_more_classes_is_about_the_most_probable_one(model):
    predictions = model(400, 4)
    confidence = predictions.scores.max(axis=1)
    right = predictions.scores.argmax(axis=1) == predictions.truth
    observed, predicted = calibration_curve(right, confidence, n_bins=15)
    rows, _ = np.histogram(confidence, bins=15, range=(0, 1))
    expected = np.average(np.abs(observed - predicted), weights=rows[rows > 0])
    assert compute(predictions)["calibration_error"] == pytest.approx(expected)


@given(
    k=st.sampled_from([0, 2, 4]),
    seed=st.integers(0, 1000),
    decimals=st.sampled_from([None, 0, 1]),
    counts=st.lists(st.integers(0, 3), min_size=1, max_size=40),
)
def test_a_weight_is_a_number_of_equal_rows(model, k, seed, decimals, counts):
    predictions = model(len(counts), k, seed, decimals=decimals)
    repeated = compute(predictions.take(np.repeat(np.arange(len(counts)), counts)))
    for kind in (np.uint8, np.float64):
        weighted = compute(predictions, weights=np.array(counts, dtype=kind))
        assert weighted == pytest.approx(repeated, rel=1e-9, abs=1e-12, nan_ok=True)


@given(k=st.sampled_from([0, 2, 4]), seed=st.integers(0, 1000), decimals=st.sampled_from([None, 1]))
def test_the_order_of_rows_changes_no_bit(model, k, seed, decimals):
    predictions = model(60, k, seed, decimals=decimals)
    predictions = replace(predictions, keys=predictions.keys // np.uint64(4))
    shuffled = predictions.take(np.random.default_rng(seed).permutation(60))
    assert repr(compute(shuffled)) == repr(compute(predictions))


def binary(truth, positive) -> Predictions:
    positive = np.asarray(positive, dtype=float)
    scores = np.stack([1 - positive, positive], axis=1)
    return Predictions("classification", (0, 1), np.arange(len(truth)), np.array(truth, dtype=int), scores)


def regression(truth, values) -> Predictions:
    return Predictions("regression", (), np.arange(len(truth)), np.array(truth), np.array(values))


@pytest.mark.parametrize(
    ("predictions", "undefined"),
    [
        (binary([1, 1, 1], [0.2, 0.7, 0.9]), {"roc_auc", "balanced_accuracy", "matthews_correlation"}),
        (
            binary([0, 0, 0], [0.2, 0.7, 0.9]),
            {"roc_auc", "average_precision", "recall", "balanced_accuracy", "matthews_correlation"},
        ),
        (binary([0, 1, 0], [0.2, 0.3, 0.1]), {"precision", "matthews_correlation"}),
        (regression([3.1, 3.1, 3.1], [1.0, 2.0, 4.0]), {"r2"}),
        (regression([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]), {"mape"}),
        (binary([0, 1, 0], [0.2, np.nan, 0.1]), set(names("classification", 2))),
        (regression([0.5, 1.0], [np.inf, 1.0]), set(names("regression", 0))),
        (binary([], []), set(names("classification", 2))),
        (regression([], []), set(names("regression", 0))),
    ],
)
def test_undefined_is_nan(predictions, undefined):
    found = compute(predictions)
    assert {name for name, value in found.items() if math.isnan(value)} == undefined


def test_an_average_over_classes_is_undefined_with_one_of_them(model):
    predictions = model(200, 4)
    found = compute(predictions.take(predictions.truth != 3))
    averages = {"roc_auc_ovr_macro", "average_precision_macro", "recall_macro", "balanced_accuracy"}
    assert {name for name, value in found.items() if math.isnan(value)} == averages


def test_better_predictions_are_better_by_every_metric(model):
    for k in (2, 4, 0):
        weak, strong = (compute(model(2000, k, strength=strength)) for strength in (0.5, 3.0))
        for name in set(weak) - {"calibration_error"}:
            assert METRICS[name].sign * (strong[name] - weak[name]) > 0, name


def test_names_resolve_to_what_the_task_has():
    assert resolve("auto", "classification", 2) == "roc_auc"
    assert resolve("auto", "classification", 3) == "roc_auc_ovr_macro"
    assert resolve("auto", "regression", 0) == "r2"
    assert resolve("f1", "classification", 3) == "f1_macro"
    assert resolve("log_loss", "classification", 3) == "log_loss"
    for task, k in (("classification", 2), ("classification", 5), ("regression", 0)):
        assert [resolve(name, task, k) for name in names(task, k)] == list(names(task, k))


@pytest.mark.parametrize(
    ("name", "k", "message"),
    [
        ("acuracy", 2, "metric 'acuracy' is unknown; did you mean accuracy?"),
        ("f1_macro", 2, "metric 'f1_macro' does not apply to binary predictions; did you mean f1?"),
        ("rmse", 2, "metric 'rmse' does not apply to binary predictions; "),
        ("accuracy", 0, "metric 'accuracy' does not apply to regression predictions; "),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_nearest(name, k, message):
    with pytest.raises(LastroError) as error:
        resolve(name, "classification" if k else "regression", k)
    assert str(error.value).startswith(message)
    assert "allowed: auto, " in str(error.value)
    assert "\n" not in str(error.value)


def test_rounding_does_not_pass_for_a_value():
    """Fractional weights leave rests of 1e-17 where a denominator is zero."""
    weights = np.array([0.1, 0.2, 0.3, 0.7, 0.1, 0.3, 0.6])
    one_prediction = binary([0, 1, 0, 1, 1, 0, 0], np.full(7, 0.2))
    assert math.isnan(compute(one_prediction, weights=weights)["matthews_correlation"])
    values = regression([0.1, 0.1, 0.1, 0.7, 0.7, 0.7, 0.9], np.linspace(0, 1, 7))
    weights[3:] = 0
    assert math.isnan(compute(values, weights=weights)["r2"])
