"""Measure how far a column has moved between two samples, and whether that is more than chance.

Numbers: the two-sample Kolmogorov-Smirnov statistic, the largest difference of the two distribution functions. Categories:
the total variation distance, half the sum of the differences in share, with the chi-squared test of homogeneity. Both lie
between 0 and 1 and do not grow with the number of rows, so one limit serves for all columns. Scipy has both tests; it is
there with scikit-learn, and a library for drift would bring a platform of its own for what are two functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

CHANCE = 0.01
"""Probability of a false alarm over all columns together (Bonferroni)."""


@dataclass(frozen=True)
class Distance:
    """How far one column has moved.

    Attributes:
        distance: 0 to 1.
        p: the probability of one as large by chance.
        missing_before, missing_now: the share of missing values.
    """

    name: str
    kind: str
    distance: float
    p: float
    missing_before: float
    missing_now: float

    def beyond(self, limit: float, columns: int) -> bool:
        """Return whether it exceeds the limit, and not by chance among that many columns."""
        return self.distance > limit and self.p < CHANCE / columns


def numbers(column: str, before: np.ndarray, now: np.ndarray) -> Distance:
    """Compare (n,) and (m,) floats, NaN for missing; the share of missing values is compared too."""
    gone = np.isnan(before), np.isnan(now)
    shares = float(gone[0].mean()), float(gone[1].mean())
    by_missing = categories(column, gone[0], gone[1])
    here, there = before[~gone[0]], now[~gone[1]]
    distance, p = by_missing.distance, by_missing.p
    if len(here) and len(there):
        found = stats.ks_2samp(here, there)
        if distance <= found.statistic:
            distance, p = float(found.statistic), float(found.pvalue)
    return Distance(column, "number", distance, p, *shares)


def categories(
    column: str, before: np.ndarray, now: np.ndarray, missing: tuple[float, float] = (0.0, 0.0)
) -> Distance:
    """Compare (n,) and (m,) values of any kind; a missing one is a value too."""
    values, places = np.unique(np.concatenate([before, now]), return_inverse=True)
    counts = np.stack(
        [np.bincount(part, minlength=len(values)) for part in (places[: len(before)], places[len(before) :])]
    )
    shares = counts / counts.sum(axis=1, keepdims=True)
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    p = 1.0 if len(values) < 2 else float(stats.chi2_contingency(counts, correction=False).pvalue)
    return Distance(column, "category", distance, p, *missing)
