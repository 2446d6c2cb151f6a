"""Which rows are trained on, which stop the training, which are held out.

Rows are ordered by a hash and the first ones are held out. Nothing depends on the order of rows in the file, and
new rows barely move old ones: a row that was held out yesterday is, but for the few at the border, held out today.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lastro.core.params import Split
from lastro.tables.keys import mix

TRAIN, VALIDATION, TEST = 0, 1, 2


@dataclass(frozen=True)
class TooFewRowsError(Exception):
    """A part would stay empty.

    Attributes:
        what: what is too few: rows, groups, distinct times.
        stratum: index of the class that has too few of them; None where it is the whole table.
        row: first row (0-based) of the class or table.
    """

    what: str
    stratum: int | None
    found: int
    needed: int
    row: int


def split_by_content(content: np.ndarray, split: Split, strata: np.ndarray | None) -> np.ndarray:
    """Split so that the same content is in one part and each stratum is divided alike.

    Args:
        content: (n,) uint64 hash of the row's content.
        strata: (n,) class index of each row; None: one stratum.

    Returns:
        (n,) int8: TRAIN, VALIDATION or TEST.

    Raises:
        TooFewRowsError: a class has fewer than three distinct rows.
    """
    order = mix(content ^ mix(np.array([split.seed], np.uint64)))
    parts = np.empty(len(content), np.int8)
    for stratum in [0] if strata is None else range(int(strata.max()) + 1):
        rows = np.arange(len(content)) if strata is None else np.flatnonzero(strata == stratum)
        parts[rows] = _divide(order[rows], split, "rows", rows[0], None if strata is None else stratum)
    return parts


def split_by_group(groups: np.ndarray, split: Split) -> np.ndarray:
    """Split so that rows with the same group hash are in one part; see `split_by_content`."""
    order = mix(groups ^ mix(np.array([split.seed], np.uint64)))
    return _divide(order, split, "groups", 0)


def split_by_time(time: np.ndarray, split: Split) -> np.ndarray:
    """Split so that the newest rows are TEST, those before them VALIDATION, and one instant is in one part.

    Args:
        time: (n,) int64 or float64, larger is newer.
    """
    # The smallest comes first in the order, so newest rows need the smallest numbers.
    _, age = np.unique(-time, return_inverse=True)
    return _divide(age, split, "distinct times", 0)


def _divide(
    order: np.ndarray, split: Split, what: str, first_row: int, stratum: int | None = None
) -> np.ndarray:
    """Lowest numbers are TEST, the next VALIDATION, the rest TRAIN; equal numbers share a part, no part is empty."""
    values, counts = np.unique(order, return_counts=True)
    if len(values) < 3:
        raise TooFewRowsError(what, stratum, len(values), 3, int(first_row))
    # Rows that precede each value's end; a border lies after the value that comes nearest to the share asked for.
    ends = np.cumsum(counts)
    total = ends[-1]
    test = int(np.argmin(np.abs(ends - split.test * total))) + 1
    test = min(test, len(values) - 2)
    both = int(np.argmin(np.abs(ends - (ends[test - 1] + split.validation * total)))) + 1
    both = min(max(both, test + 1), len(values) - 1)
    parts = np.full(len(order), TRAIN, np.int8)
    parts[order < values[both]] = VALIDATION
    parts[order < values[test]] = TEST
    return parts
