"""Time of the bootstrap intervals, as a ratio against resampling rows and calling scikit-learn on each resample.

Run: python benchmarks/intervals.py. The naive loop runs a few resamples and is extrapolated to the full number.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn import metrics as sk

from lastro.core.metric_names import names
from lastro.evaluation.metrics import bootstrap
from lastro.evaluation.predictions import Predictions

ROWS = 100_000
RESAMPLES = 1000
NAIVE_RESAMPLES = 5


def make(k: int) -> Predictions:
    """A model of middling strength on made-up rows; k classes, or regression where k is 0."""
    random = np.random.default_rng(0)
    keys = random.permutation(ROWS)
    if not k:
        truth = random.normal(10, 2, ROWS)
        return Predictions("regression", (), keys, truth, truth + random.normal(size=ROWS))
    truth = random.integers(0, k, ROWS)
    evidence = random.normal(size=(ROWS, k))
    evidence[np.arange(ROWS), truth] += 1.5
    scores = np.exp(evidence) / np.exp(evidence).sum(axis=1, keepdims=True)
    return Predictions("classification", tuple(range(k)), keys, truth, scores)


def classification(truth: np.ndarray, scores: np.ndarray) -> None:
    """What a straightforward evaluation calls; scikit-learn has no calibration error."""
    k, predicted = scores.shape[1], scores.argmax(axis=1)
    ranked = (truth, scores[:, 1]) if k == 2 else (np.eye(k)[truth], scores)
    average = "binary" if k == 2 else "macro"
    sk.accuracy_score(truth, predicted)
    sk.balanced_accuracy_score(truth, predicted)
    sk.roc_auc_score(*ranked)
    sk.average_precision_score(*ranked)
    sk.log_loss(y_true=truth, y_proba=scores)
    sk.brier_score_loss(truth, scores[:, 1] if k == 2 else scores)
    for metric in (sk.f1_score, sk.precision_score, sk.recall_score):
        metric(truth, predicted, average=average)
    sk.matthews_corrcoef(truth, predicted)


def regression(truth: np.ndarray, values: np.ndarray) -> None:
    """The five metrics of regression."""
    for metric in (
        sk.root_mean_squared_error,
        sk.mean_absolute_error,
        sk.median_absolute_error,
        sk.r2_score,
        sk.mean_absolute_percentage_error,
    ):
        metric(truth, values)


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def naive(predictions: Predictions) -> None:
    random = np.random.default_rng(0)
    measure = classification if predictions.task == "classification" else regression
    for _ in range(NAIVE_RESAMPLES):
        rows = random.integers(0, ROWS, ROWS)
        measure(predictions.truth[rows], predictions.scores[rows])


def main() -> None:
    global ROWS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows: whether it runs, not how fast")
    if parser.parse_args().quick:
        ROWS = 2_000
    warnings.simplefilter("ignore")
    print(f"{RESAMPLES:,} resamples of {ROWS:,} rows, all metrics")
    print(f"scikit-learn: {NAIVE_RESAMPLES} resamples, extrapolated to {RESAMPLES:,}")
    for what, k in (("2 classes", 2), ("10 classes", 10), ("regression", 0)):
        predictions = make(k)
        wanted = names(predictions.task, k)
        loop = seconds(lambda p=predictions: naive(p)) * RESAMPLES / NAIVE_RESAMPLES
        ours = seconds(lambda p=predictions, w=wanted: bootstrap(p, w, RESAMPLES, 0))
        print(f"{what:<12} {ours:6.2f} s   scikit-learn {loop:8.1f} s   ratio 1 : {loop / ours:.0f}")


if __name__ == "__main__":
    main()
