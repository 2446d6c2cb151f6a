"""Weighted metrics of predicted values, for many weightings of the same rows at once."""

from __future__ import annotations

import numpy as np

from lastro.evaluation.scratch import Scratch


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
