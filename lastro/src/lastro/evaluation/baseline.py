"""The dummy that a model must beat: it gives every row what the training target alone suggests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lastro.core.errors import LastroError
from lastro.evaluation.metrics import compute
from lastro.evaluation.predictions import Predictions

Prior = float | Sequence[float] | np.ndarray


def baseline(predictions: Predictions, prior: Prior) -> Predictions:
    """Predict the same rows with the dummy.

    Raises:
        LastroError: the prior does not fit the task or the number of classes.
    """
    constant = np.asarray(prior, dtype=np.float64)
    if constant.shape != predictions.scores.shape[1:]:
        raise LastroError(
            f"the prior has shape {constant.shape}, expected {predictions.scores.shape[1:]}",
            where="baseline",
            fix="train the model again",
        )
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
    predictions: Predictions, prior: Prior, wanted: Sequence[str] | None = None
) -> dict[str, float]:
    """Compute the dummy's metrics on the rows of `predictions`, `chance` where it has none. wanted: full names."""
    values = compute(baseline(predictions, prior), wanted)
    return {name: chance(name, predictions) if math.isnan(value) else value for name, value in values.items()}
