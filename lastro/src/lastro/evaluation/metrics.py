"""Compute metrics with 95 % bootstrap intervals, of a model and of the dummy that it must beat.

An undefined metric is NaN, never a silent 0 or 1. So are the averages over classes when one class has no
value: leaving that class out would flatter the model. All metrics are NaN when a single score is not finite.

One resampling of the rows stands behind every metric, and behind two models alike. Each resample weighs every row by a
Poisson(1) count instead of drawing n rows with replacement. Given their sum, such counts are exactly multinomial, and each
row's weight is drawn on its own, in any order and chunk: Hanley and MacGibbon (2006), Creating non-parametric bootstrap
samples using Poisson frequencies; Chamandy et al. (2012), Estimating uncertainty for massive data streams. Nothing is
subsampled or binned, at any number of rows.

Results are the same bits for any order of the rows, any number of threads and any BLAS: rows are sorted by
key before they are weighed, chunks depend on the number of rows alone, and no sum is left to BLAS.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastro.core.errors import LastroError
from lastro.core.metric_names import METRICS, names
from lastro.evaluation.predictions import Predictions
from lastro.evaluation.scorers import Classification, Regression, Scratch

if TYPE_CHECKING:
    from lastro.core.params import Evaluation

Prior = float | Sequence[float] | np.ndarray
Scorer = Callable[[np.ndarray, Scratch], dict[str, np.ndarray]]
Interval = tuple[float, float]

LEVEL = 95
"""Per cent of the resamples inside an interval."""

DEFINED_SHARE = 0.95
"""Smallest share of resamples in which a metric must be defined to have an interval: few would flatter it."""

# How many of the 2**16 random values give the weights 0, 1, 2 ...: Poisson(1), rounded so that the mean and
# the variance, on which the bootstrap rests, are exactly 1.
_COUNTS = (24115, 24097, 12061, 4018, 1006, 201, 33, 4, 1)
_THRESHOLDS = np.cumsum(_COUNTS[:-1]).astype(np.uint16)

# Weights per chunk: large enough to make NumPy's overhead small, small enough for the cache of one core.
_CHUNK = 2**17
_MAX_THREADS = 4


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


def bootstrap(
    predictions: Predictions, wanted: Iterable[str], resamples: int, seed: int
) -> dict[str, np.ndarray]:
    """Resample the rows: each metric's (resamples,) values, NaN where undefined. wanted: full names."""
    return _resample([predictions.canonical()], tuple(wanted), resamples, seed)[0]


def improvements(
    candidate: Predictions, champion: Predictions, wanted: Sequence[str], resamples: int, seed: int
) -> dict[str, np.ndarray]:
    """Resample two models together: each metric's (resamples,) improvements, positive where the candidate is better.

    Both see the same row weights. wanted: full names.

    Raises:
        LastroError: the two don't hold the same rows in the same order (see `predictions.aligned`).
    """
    if not np.array_equal(candidate.keys, champion.keys) or not np.array_equal(
        candidate.truth, champion.truth
    ):
        raise LastroError("predictions cannot be paired: the rows differ", fix="align them by key first")
    # Sorted together, so that both see one weight per row even where keys repeat.
    order = np.lexsort((*champion.score_columns, *candidate.score_columns, candidate.truth, candidate.keys))
    ours, theirs = _resample([candidate.take(order), champion.take(order)], tuple(wanted), resamples, seed)
    return {name: METRICS[name].sign * (ours[name] - theirs[name]) for name in wanted}


def interval(samples: np.ndarray) -> Interval:
    """Compute the 2.5th and 97.5th percentile of the defined samples (Efron 1981); NaN where too few are defined."""
    defined = samples[np.isfinite(samples)]
    if not len(samples) or len(defined) < DEFINED_SHARE * len(samples):
        return float("nan"), float("nan")
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(defined, [tail, 100 - tail])
    return float(low), float(high)


@dataclass(frozen=True, eq=False)
class Resampled:
    """What was computed once for a set of predictions: each metric's value and its values under resampling."""

    source: Predictions
    values: dict[str, float]
    samples: dict[str, np.ndarray]

    @classmethod
    def of(
        cls, predictions: Predictions, evaluation: Evaluation, wanted: Sequence[str] | None = None
    ) -> Resampled:
        """Compute the metrics in `wanted`, full names; all that apply when None."""
        wanted = names(predictions.task, len(predictions.labels)) if wanted is None else wanted
        samples = bootstrap(predictions, wanted, evaluation.resamples, evaluation.seed)
        return cls(predictions, compute(predictions, wanted), samples)

    def interval(self, name: str) -> Interval:
        """Compute the 95 % interval of one metric."""
        return interval(self.samples[name])


def poisson_weights(
    shape: tuple[int, int], seed: int, chunk: int, scratch: Scratch | None = None
) -> np.ndarray:
    """Draw the (b, n) uint8 row weights of one chunk of resamples."""
    size = shape[0] * shape[1]
    random = np.random.Generator(np.random.SFC64([seed, chunk]))
    words = random.integers(0, 2**64 - 1, size=-(-size // 4), dtype=np.uint64, endpoint=True)
    # Fixed byte order, so that the weights are the same on every machine.
    draws = words.astype("<u8", copy=False).view("<u2")[:size]
    scratch = scratch or Scratch()
    weights, flags = scratch("weights", (size,), np.uint8), scratch("flags", (size,), np.bool_)
    weights.fill(0)
    for threshold in _THRESHOLDS:
        weights += np.greater_equal(draws, threshold, out=flags).view(np.uint8)
    return weights.reshape(shape)


def _resample(
    models: list[Predictions], wanted: tuple[str, ...], resamples: int, seed: int
) -> list[dict[str, np.ndarray]]:
    """Each model's samples by metric; models hold the same rows in the same, canonical order."""
    n = len(models[0])
    scorers = [scorer(model, wanted) for model in models]
    results = [{name: np.empty(resamples) for name in wanted} for _ in models]

    size = max(1, _CHUNK // max(n, 1))
    starts = range(0, resamples, size)
    local = threading.local()

    def fill(chunk: int, start: int) -> None:
        if not hasattr(local, "scratch"):
            local.scratch = Scratch()
        stop = min(start + size, resamples)
        weights = poisson_weights((stop - start, n), seed, chunk, local.scratch)
        for score, result in zip(scorers, results, strict=True):
            for name, values in score(weights, local.scratch).items():
                result[name][start:stop] = np.where(np.isfinite(values), values, np.nan)

    with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1, len(starts))) as pool:
        list(pool.map(fill, range(len(starts)), starts))
    return results
