"""Compute metrics, of a model and of the dummy that it must beat: a constant, what the training target alone suggests.

An undefined metric is NaN, never a silent 0 or 1. So are the averages over classes when one class has no
value: leaving that class out would flatter the model. All metrics are NaN when a single score is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from lastro.core.errors import LastroError
from lastro.core.metric_names import names
from lastro.evaluation.predictions import Predictions
from lastro.evaluation.scorers import Classification, Regression, Scratch

Prior = float | Sequence[float] | np.ndarray
Scorer = Callable[[np.ndarray, Scratch], dict[str, np.ndarray]]


def scorer(predictions: Predictions, wanted: Iterable[str]) -> Scorer:
    """Prepare a function from weights (b, n), integers or floats >= 0, to each metric's (b,) values.

    wanted: full names, see `metric_names.resolve`.
    """
    wanted = tuple(wanted)
    if not len(predictions) or predictions.bad_rows:
        return lambda weights, scratch: {name: np.full(len(weights), np.nan) for name in wanted}
    kind = Regression if predictions.task == "regression" else Classification
    return kind(predictions.truth, predictions.scores, wanted)


def compute(
    predictions: Predictions, wanted: Iterable[str] | None = None, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Compute each metric, of all that apply when None; NaN where undefined.

    The order of the rows does not matter, to the last bit. weights: (n,) >= 0.
    """
    wanted = names(predictions.task, len(predictions.labels)) if wanted is None else wanted
    if weights is None:
        predictions, weights = predictions.canonical(), np.ones(len(predictions), dtype=np.uint8)
    found = scorer(predictions, wanted)(np.asarray(weights)[None], Scratch())
    return {name: float(values[0]) if np.isfinite(values[0]) else math.nan for name, values in found.items()}


def baseline(predictions: Predictions, prior: Prior) -> Predictions:
    """Predict the same rows with the dummy.

    Raises:
        LastroError: the prior does not fit the task or the number of classes.
    """
    constant = np.asarray(prior, dtype=np.float64)
    if constant.shape != predictions.scores.shape[1:]:
        problem = f"the prior has shape {constant.shape}, expected {predictions.scores.shape[1:]}"
        raise LastroError(problem, where="baseline", fix="train the model again")
    return replace(predictions, scores=np.broadcast_to(constant, predictions.scores.shape))


def chance(name: str, predictions: Predictions) -> float:
    """Return what stands in where the dummy has no value because it only ever names one class; NaN elsewhere.

    It is what naming classes at random reaches: a Matthews correlation of 0, and as precision the share of
    the positive class (which for an average over k classes is 1 / k).
    """
    if name == "matthews_correlation":
        return 0.0
    if name == "precision" and len(predictions):
        return float(np.mean(predictions.truth == 1))
    return 1 / len(predictions.labels) if name == "precision_macro" else math.nan


def baseline_metrics(
    predictions: Predictions, prior: Prior, wanted: Iterable[str] | None = None
) -> dict[str, float]:
    """Compute the dummy's metrics on the rows of `predictions`, `chance` where it has none. wanted: full names."""
    values = compute(baseline(predictions, prior), wanted)
    return {name: chance(name, predictions) if math.isnan(value) else value for name, value in values.items()}
