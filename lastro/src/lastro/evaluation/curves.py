"""Plot data as short lists of rows: the curves behind the metrics, thinned the same way every time.

Rows with a score that is not finite are left out. With more than two classes each class is plotted against
the rest, and rows carry `class`.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from lastro.evaluation.predictions import Predictions
from lastro.evaluation.text import rounded

MAX_POINTS = 200
CALIBRATION_GROUPS = 12
RESIDUAL_BINS = 30

Rows = list[dict[str, Any]]


def curves(predictions: Predictions) -> dict[str, Rows]:
    """Compute roc, precision_recall, calibration and confusion; or predicted_vs_actual and residuals."""
    rows = predictions.take(predictions.finite).canonical()
    if predictions.task == "regression":
        return {"predicted_vs_actual": _predicted_vs_actual(rows), "residuals": _residuals(rows)}
    found: dict[str, Rows] = {"roc": [], "precision_recall": [], "calibration": []}
    binary = len(rows.labels) == 2
    for index, label in enumerate(rows.labels):
        if binary and index == 0:
            continue
        scores, positive = rows.scores[:, index], rows.truth == index
        carried = {} if binary else {"class": label}
        steps = _steps(scores, positive)
        for name, points in (
            ("roc", _roc(*steps)),
            ("precision_recall", _precision_recall(*steps)),
            ("calibration", _calibration(scores, positive)),
        ):
            found[name] += [carried | point for point in points]
    return found | {"confusion": _confusion(rows)}


def _steps(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each distinct threshold, highest first, with the rows at or above it: false ones, true ones."""
    order = np.argsort(-scores, kind="stable")
    scores, positive = scores[order], positive[order]
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.arange(0)
    hits = np.cumsum(positive)[last]
    return scores[last], last + 1 - hits, hits


def _roc(thresholds: np.ndarray, false: np.ndarray, true: np.ndarray) -> Rows:
    """From (0, 0), above every score, to (1, 1); empty where a class has no rows."""
    if not len(true) or not false[-1] or not true[-1]:
        return []
    at = _thinned(len(true), MAX_POINTS - 1)
    start = {"false_positive_rate": 0.0, "true_positive_rate": 0.0, "threshold": None}
    points = _rows(
        false_positive_rate=false[at] / false[-1],
        true_positive_rate=true[at] / true[-1],
        threshold=thresholds[at],
    )
    return [start, *points]


def _precision_recall(thresholds: np.ndarray, false: np.ndarray, true: np.ndarray) -> Rows:
    """By falling threshold; empty where no row is positive."""
    if not len(true) or not true[-1]:
        return []
    at = _thinned(len(true))
    precision = true[at] / (true[at] + false[at])
    return _rows(recall=true[at] / true[-1], precision=precision, threshold=thresholds[at])


def _calibration(scores: np.ndarray, positive: np.ndarray) -> Rows:
    """Groups of about equal size by rising probability: what was predicted, and how often it came true.

    Equal probabilities stay together, so there may be fewer groups.
    """
    if not len(scores):
        return []
    order = np.argsort(scores, kind="stable")
    scores, positive = scores[order], positive[order]
    cuts = np.searchsorted(
        scores, scores[np.arange(1, CALIBRATION_GROUPS) * len(scores) // CALIBRATION_GROUPS]
    )
    edges = np.unique(np.concatenate([[0], cuts, [len(scores)]]))
    return [
        {
            "predicted": rounded(scores[start:stop].mean()),
            "observed": rounded(positive[start:stop].mean()),
            "rows": int(stop - start),
        }
        for start, stop in itertools.pairwise(edges)
    ]


def _confusion(rows: Predictions) -> Rows:
    """One row per cell; only cells that occur where all would be too many."""
    k = len(rows.labels)
    counts = np.bincount(rows.truth * k + rows.predicted, minlength=k * k)
    cells = range(k * k) if k * k <= MAX_POINTS else np.flatnonzero(counts)
    return [
        {"actual": rows.labels[cell // k], "predicted": rows.labels[cell % k], "rows": int(counts[cell])}
        for cell in cells
    ]


def _predicted_vs_actual(rows: Predictions) -> Rows:
    """Rows evenly spread over the order of the true values, both ends included."""
    order = np.lexsort((rows.scores, rows.truth))
    at = order[_thinned(len(order))]
    return _rows(actual=rows.truth[at], predicted=rows.scores[at])


def _residuals(rows: Predictions) -> Rows:
    """Histogram of predicted minus actual, in the unit of the target."""
    residuals = rows.scores - rows.truth
    if not len(residuals):
        return []
    counts, edges = np.histogram(residuals, bins=RESIDUAL_BINS)
    return _rows(low=edges[:-1], high=edges[1:], rows=counts)


def _rows(**columns: np.ndarray) -> Rows:
    """Tabulate columns of one length, floats rounded."""
    lists = [
        column.tolist() if column.dtype.kind == "i" else list(map(rounded, column))
        for column in columns.values()
    ]
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


def _thinned(length: int, maximum: int = MAX_POINTS) -> np.ndarray:
    """At most `maximum` indices below `length`, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, max(length - 1, 0), min(length, maximum)).round().astype(np.int64))
