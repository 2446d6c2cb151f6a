"""The metrics: their names, which way is better, where each formula comes from, and when it has no value.

An undefined metric is NaN, never a silent 0 or 1. So are the averages over classes when one class has no
value: leaving that class out would flatter the model. All metrics are NaN when a single score is not finite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from lastro.core.metric_names import METRICS, Metric, kind_of, names, resolve
from lastro.evaluation.classification import Classification
from lastro.evaluation.predictions import Predictions
from lastro.evaluation.regression import Regression
from lastro.evaluation.scratch import Scratch

__all__ = ["METRICS", "Metric", "compute", "kind_of", "names", "resolve", "scorer"]


Scorer = Callable[[np.ndarray, Scratch], dict[str, np.ndarray]]


def scorer(predictions: Predictions, wanted: Iterable[str]) -> Scorer:
    """Prepare a function from weights (b, n), integers or floats >= 0, to each metric's (b,) values.

    wanted: full names, see `resolve`.
    """
    wanted = tuple(wanted)
    if not len(predictions) or predictions.bad_rows:
        return lambda weights, scratch: {name: np.full(len(weights), np.nan) for name in wanted}
    if predictions.task == "regression":
        return Regression(predictions.truth, predictions.scores, wanted)
    return Classification(predictions.truth, predictions.scores, wanted)


def compute(
    predictions: Predictions, wanted: Iterable[str] | None = None, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Compute each metric, of all that apply when None; NaN where undefined.

    The order of the rows does not matter, to the last bit. weights: (n,) >= 0.
    """
    wanted = names(predictions.task, len(predictions.labels)) if wanted is None else tuple(wanted)
    if weights is None:
        predictions, weights = predictions.canonical(), np.ones(len(predictions), dtype=np.uint8)
    found = scorer(predictions, wanted)(np.asarray(weights)[None], Scratch())
    return {
        name: float(values[0]) if np.isfinite(values[0]) else float("nan") for name, values in found.items()
    }
