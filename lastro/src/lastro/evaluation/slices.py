"""The same metrics for every group of a column: where is the model worse than on the whole?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lastro.core.errors import LastroError
from lastro.evaluation.intervals import Resampled
from lastro.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from lastro.core.params import Evaluation


def groups(predictions: Predictions, column: str) -> Iterator[tuple[str, Predictions]]:
    """Each group's name and rows, by name.

    Raises:
        LastroError: the predictions do not hold the column.
    """
    if column not in predictions.slices:
        held = ", ".join(sorted(predictions.slices)) or "none"
        raise LastroError(
            f"the predictions have no slice column {column!r} (they have: {held})",
            where="evaluation.slices",
            fix="correct the name, or repeat the evaluation",
        )
    values = predictions.slices[column]
    order = np.argsort(values, kind="stable")
    present, starts = np.unique(values[order], return_index=True)
    for name, rows in zip(present.tolist(), np.split(order, starts[1:]) if len(order) else [], strict=True):
        yield name, predictions.take(rows)


def resampled_groups(
    predictions: Predictions, column: str, evaluation: Evaluation
) -> Iterator[tuple[str, Resampled]]:
    """Each group's metrics, its rows resampled on their own; see `groups`."""
    for name, rows in groups(predictions, column):
        yield name, Resampled.of(rows, evaluation)
