"""Weighted metrics of class probabilities or predicted values, for many weightings of the same rows at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from lastro.core.metric_names import CALIBRATION_BINS

_COUNTED = {"precision", "recall", "f1", "accuracy", "balanced_accuracy", "matthews_correlation"}


def plain(name: str) -> str:
    """Strip the words that say how classes are averaged."""
    return name.removesuffix("_macro").removesuffix("_ovr")


class Scratch:
    """Arrays by name, for one thread.

    Fresh arrays of this size may go back to the system after every chunk; having their pages mapped again can then
    take longer than the arithmetic does (200,000 rows: 3.9 s instead of 1.4 s, depending on what ran before).
    """

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, np.dtype], np.ndarray] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
        """An array with unknown content, which shares memory with the last one of this name and type."""
        size, key = math.prod(shape), (name, np.dtype(dtype))
        if key not in self._arrays or self._arrays[key].size < size:
            self._arrays[key] = np.empty(size, dtype)
        return self._arrays[key][:size].reshape(shape)

    def take(self, name: str, array: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Copy array[:, columns], for (b, n) and (m,)."""
        out = self(name, (len(array), len(columns)), array.dtype)
        # With the default mode NumPy would fill a fresh array first; the columns are known to exist.
        return array.take(columns, axis=1, out=out, mode="clip")

    def floats(self, name: str, array: np.ndarray) -> np.ndarray:
        """Copy the array as float64."""
        out = self(name, array.shape, np.float64)
        out[...] = array
        return out


class Classification:
    """Prepared once for truth (n,) int64 and scores (n, k) finite; called with weights (b, n).

    Only what `names` needs is prepared and computed. Sums over rows are taken over strata (truth, prediction,
    calibration bin) that lie side by side, so that most metrics share one pass over the weights.
    """

    def __init__(self, truth: np.ndarray, scores: np.ndarray, names: tuple[str, ...]):
        self.names = names
        self.k = scores.shape[1]
        wanted = {plain(name) for name in names}
        self.ranks = tuple(name in wanted for name in ("roc_auc", "average_precision"))
        classes = range(self.k) if self.k > 2 else (1,)
        self.rankings = [Ranking(scores[:, c], truth == c) for c in classes] if any(self.ranks) else []

        predicted, rows = scores.argmax(axis=1), np.arange(len(truth))
        confidence = scores[:, 1] if self.k == 2 else scores[rows, predicted]
        happened = truth if self.k == 2 else truth == predicted
        edges = np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS
        bins = np.searchsorted(edges, confidence) * ("calibration_error" in wanted)
        strata = (bins * self.k + truth) * self.k + predicted
        self.order = np.argsort(strata, kind="stable")
        strata, self.starts = np.unique(strata[self.order], return_index=True)
        cell = strata % self.k**2
        self.by_bin = Groups(strata // self.k**2, CALIBRATION_BINS)
        self.by_truth, self.by_predicted = Groups(cell // self.k, self.k), Groups(cell % self.k, self.k)
        self.right = cell // self.k == cell % self.k
        self.happened = happened[self.order][self.starts].astype(bool)
        self.counted, self.calibrated = bool(_COUNTED & wanted), "calibration_error" in wanted
        self.confidence = confidence[self.order]
        self.losses = {
            name: loss(truth, scores)[self.order] for name, loss in _LOSSES.items() if name in wanted
        }

    def __call__(self, weights: np.ndarray, scratch: Scratch) -> dict[str, np.ndarray]:
        """weights: (b, n); returns for each name a (b,) array, NaN where the metric is undefined."""
        found: dict[str, np.ndarray] = {}
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.counted or self.calibrated or self.losses:
                ordered = scratch.floats("floats", scratch.take("ordered", weights, self.order))
                counts = np.add.reduceat(ordered, self.starts, axis=1)
                total = counts.sum(axis=1)
                for name, loss in self.losses.items():
                    found[name] = np.einsum("bn,n->b", ordered, loss) / total
                if self.counted:
                    found |= self._counted(counts, total)
                if self.calibrated:
                    product = scratch("product", ordered.shape, np.float64)
                    np.multiply(ordered, self.confidence, out=product)
                    expected = np.add.reduceat(product, self.starts, axis=1)
                    gaps = self.by_bin.sum(counts * self.happened - expected)
                    found["calibration_error"] = np.abs(gaps).sum(axis=1) / total
            # The mean over classes is undefined as soon as one is: leaving it out would flatter the model.
            ranked = [ranking(weights, scratch, *self.ranks) for ranking in self.rankings]
            for name in ranked[0] if ranked else ():
                found[name] = np.mean([one[name] for one in ranked], axis=0)
        return {name: found[plain(name)] for name in self.names}

    def _counted(self, counts: np.ndarray, total: np.ndarray) -> dict[str, np.ndarray]:
        """Metrics of the confusion matrix; counts: (b, strata), total: (b,)."""
        actual, predicted = self.by_truth.sum(counts), self.by_predicted.sum(counts)
        hits = self.by_truth.sum(counts * self.right)
        recall = hits / actual
        scores = {"precision": hits / predicted, "recall": recall, "f1": 2 * hits / (actual + predicted)}
        averaged = {name: s.mean(axis=1) if self.k > 2 else s[:, 1] for name, s in scores.items()}
        # Gorodkin (2004): the correlation of truth and prediction for k classes. Counting the classes that
        # carry weight tells an empty denominator from a rounding error.
        varied = ((actual > 0).sum(axis=1) > 1) & ((predicted > 0).sum(axis=1) > 1)
        spread = (total**2 - (actual**2).sum(axis=1)) * (total**2 - (predicted**2).sum(axis=1))
        covariance = hits.sum(axis=1) * total - (actual * predicted).sum(axis=1)
        return averaged | {
            "accuracy": hits.sum(axis=1) / total,
            "balanced_accuracy": recall.mean(axis=1),
            "matthews_correlation": np.where(varied, covariance / np.sqrt(spread), np.nan),
        }


class Ranking:
    """Sorts once, then answers for every matrix of weights with one cumulative sum.

    scores: (n,) finite. positive: (n,) bool. Rows with equal scores are one threshold: for ROC AUC a tie
    counts half, for average precision tied rows enter together.
    """

    def __init__(self, scores: np.ndarray, positive: np.ndarray):
        # Within a tie negatives come first, so that both ends of its positives are places in the order.
        self.order = np.lexsort((positive, -scores))
        scores, positive = scores[self.order], positive[self.order]
        starts = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1]]))
        positives = np.add.reduceat(positive.astype(np.int64), starts)
        ends = np.append(starts[1:], len(scores))
        # Neither metric changes at a threshold without positives: the negatives there count at the next one.
        held = positives > 0
        self.before, self.end = starts[held], ends[held]
        self.between = self.end - positives[held]
        self.tied = bool((self.before != self.between).any())

    def __call__(
        self, weights: np.ndarray, scratch: Scratch, roc_auc: bool, average_precision: bool
    ) -> dict[str, np.ndarray]:
        """weights: (b, n), integers (exact) or floats; returns (b,) arrays, NaN where undefined.

        Sources: ROC AUC as the Mann-Whitney statistic, Hanley and McNeil (1982); average precision as the sum
        over thresholds of (R_i - R_(i-1)) P_i, Manning et al., Introduction to Information Retrieval, ch. 8.
        """
        exact = weights.dtype.kind in "iu"
        kind = np.int32 if exact else np.float64
        below = scratch("below", (len(weights), len(self.order) + 1), kind)
        below[:, 0] = 0
        np.cumsum(scratch.take("ordered", weights, self.order), axis=1, dtype=kind, out=below[:, 1:])
        end = scratch.take("end", below, self.end)
        hits = scratch.take("hits", below, self.between)
        np.subtract(end, hits, out=hits)
        found = np.cumsum(hits, axis=1, dtype=kind, out=scratch("found", hits.shape, kind))
        total = hits.sum(axis=1, dtype=np.float64)
        mass, result = scratch.floats("mass", hits), {}
        if roc_auc:
            # Negatives above each threshold; where some are tied with its positives, both ends of the tie.
            above = np.subtract(end, found, out=scratch("above", end.shape, kind))
            if self.tied:
                above += scratch.take("before", below, self.before)
                above += hits
                above -= found
            inversions = np.einsum("bg,bg->b", mass, scratch.floats("ratio", above)) / (2 if self.tied else 1)
            result["roc_auc"] = 1 - inversions / (total * (below[:, -1] - total))
        if average_precision:
            np.maximum(end, 1 if exact else np.finfo(float).tiny, out=end)
            precision = np.divide(found, end, out=scratch("ratio", end.shape, np.float64))
            result["average_precision"] = np.einsum("bg,bg->b", mass, precision) / total
        return result


class Groups:
    """Sums the columns of a matrix by group; group: (m,) integers below size."""

    def __init__(self, group: np.ndarray, size: int):
        self.order, self.size = np.argsort(group, kind="stable"), size
        self.present, self.starts = np.unique(group[self.order], return_index=True)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum (b, m) values to (b, size)."""
        sums = np.zeros((len(values), self.size))
        sums[:, self.present] = np.add.reduceat(values.take(self.order, axis=1), self.starts, axis=1)
        return sums


def _log_loss(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(n,) natural logarithms. A certainty that fails costs 36, not infinity: scikit-learn's clipping."""
    smallest = np.finfo(np.float64).eps
    return -np.log(np.clip(scores[np.arange(len(truth)), truth], smallest, 1 - smallest))


def _brier(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(n,) squared error: for two classes the positive one's (0 .. 1), else summed over classes (0 .. 2)."""
    if scores.shape[1] == 2:
        return (scores[:, 1] - truth) ** 2
    return ((scores - (truth[:, None] == np.arange(scores.shape[1]))) ** 2).sum(axis=1)


_LOSSES = {"log_loss": _log_loss, "brier_score": _brier}


class Regression:
    """Prepared once for truth (n,) and values (n,), finite; called with weights (b, n).

    Errors are predicted minus true values, in the unit of the target; mape is a share, not a percentage.
    """

    def __init__(self, truth: np.ndarray, values: np.ndarray, names: tuple[str, ...]):
        self.names = names
        error = np.abs(values - truth)
        # Around the median, sums of squares lose no digits to a target far from zero, outliers or not.
        centred = truth - np.median(truth)
        self.zero = truth == 0
        columns = {}
        if {"rmse", "r2"} & set(names):
            columns["squared"] = error**2
        if "mae" in names:
            columns["absolute"] = error
        if "mape" in names:
            columns["relative"] = error / np.abs(np.where(self.zero, np.inf, truth))
            columns["zero"] = self.zero.astype(np.float64)
        if "r2" in names:
            columns |= {"first": centred, "second": centred**2}
        self.columns = columns
        self.error_order = np.argsort(error, kind="stable")
        self.errors = error[self.error_order]

    def __call__(self, weights: np.ndarray, scratch: Scratch) -> dict[str, np.ndarray]:
        """weights: (b, n); returns for each name a (b,) array, NaN where the metric is undefined."""
        found: dict[str, np.ndarray] = {}
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.columns:
                floats = scratch.floats("floats", weights)
                sums = {name: np.einsum("bn,n->b", floats, column) for name, column in self.columns.items()}
                total = floats.sum(axis=1)
                if "squared" in sums:
                    found["rmse"] = np.sqrt(sums["squared"] / total)
                if "mae" in self.names:
                    found["mae"] = sums["absolute"] / total
                if "mape" in self.names:
                    found["mape"] = np.where(sums["zero"] == 0, sums["relative"] / total, np.nan)
                if "r2" in self.names:
                    spread = sums["second"] - sums["first"] ** 2 / total
                    # Below this share of the raw second moment only rounding is left: truth is constant.
                    constant = spread <= 1e-10 * sums["second"]
                    found["r2"] = np.where(constant, np.nan, 1 - sums["squared"] / spread)
            if "median_absolute_error" in self.names:
                found["median_absolute_error"] = self._median(weights, scratch)
        return {name: found[name] for name in self.names}

    def _median(self, weights: np.ndarray, scratch: Scratch) -> np.ndarray:
        """(b,) medians of the absolute errors: as if each row were there as often as its weight says."""
        exact = weights.dtype.kind in "iu"
        ordered = scratch.take("ordered", weights, self.error_order)
        kind = np.int32 if exact else np.float64
        below = np.cumsum(ordered, axis=1, dtype=kind, out=scratch("below", ordered.shape, kind))
        total = below[:, -1:]
        # Whole numbers stay whole: comparing them with a float would copy the matrix.
        upper_half, lower_half = ((total + 1) // 2, total // 2) if exact else (total / 2, total / 2)
        flags = scratch("flags", below.shape, np.bool_)
        lower = np.count_nonzero(np.less(below, upper_half, out=flags), axis=1)
        upper = np.count_nonzero(np.less_equal(below, lower_half, out=flags), axis=1)
        last = len(self.errors) - 1
        medians = (self.errors[np.minimum(lower, last)] + self.errors[np.minimum(upper, last)]) / 2
        return np.where(total[:, 0] > 0, medians, np.nan)
