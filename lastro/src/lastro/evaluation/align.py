"""Find the held-out rows that two models share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lastro.core.errors import LastroError
from lastro.evaluation.predictions import Predictions


class Aligned(NamedTuple):
    """The common rows of two models, in one order, and how many rows of each were left out."""

    candidate: Predictions
    champion: Predictions
    candidate_left_out: int
    champion_left_out: int


def aligned(candidate: Predictions, champion: Predictions) -> Aligned:
    """Restrict both to their common rows, in the candidate's canonical order.

    Rows match by key and truth. Where several rows share both, the first in canonical order matches the
    first, the second the second, and those that one side has more of are left out.

    Raises:
        LastroError: tasks, labels or kinds of key differ, or a key has another truth on each side.
    """
    for what in ("task", "labels"):
        ours, theirs = getattr(candidate, what), getattr(champion, what)
        if ours != theirs:
            raise LastroError(
                f"predictions cannot be compared: {what} is {ours!r} here and {theirs!r} in the champion's"
            )
    candidate, champion = candidate.canonical(), champion.canonical()
    if candidate.keys.dtype.kind != champion.keys.dtype.kind:
        raise LastroError(
            f"predictions cannot be compared: keys are {candidate.keys.dtype} here and {champion.keys.dtype} in "
            "the champion's",
            fix="evaluate both with the same data.key",
        )
    n = len(candidate)
    _, keys = np.unique(np.concatenate([candidate.keys, champion.keys]), return_inverse=True)
    values, truths = np.unique(np.concatenate([candidate.truth, champion.truth]), return_inverse=True)
    pairs = keys * len(values) + truths
    numbered = np.concatenate([_occurrence(pairs[:n]), _occurrence(pairs[n:])])
    rows = pairs * (numbered.max(initial=0) + 1) + numbered
    _, ours, theirs = np.intersect1d(rows[:n], rows[n:], assume_unique=True, return_indices=True)
    order = np.argsort(ours)
    ours, theirs = ours[order], theirs[order]

    left, champion_left = np.delete(np.arange(n), ours), np.delete(np.arange(len(champion)), theirs)
    _, i, j = np.intersect1d(keys[:n][left], keys[n:][champion_left], return_indices=True)
    if len(i):
        here, there = left[i[0]], champion_left[j[0]]
        truth, other = candidate.names(candidate.truth)[here], champion.names(champion.truth)[there]
        raise LastroError(
            f"predictions cannot be compared: the truth of row {candidate.keys[here]} is {truth} here and "
            f"{other} in the champion's ({len(i)} such keys)",
            fix="evaluate both on the same data",
        )
    return Aligned(candidate.take(ours), champion.take(theirs), len(left), len(champion_left))


def _occurrence(pairs: np.ndarray) -> np.ndarray:
    """(n,) sorted by key and truth: for each row, how many equal ones come before it."""
    starts = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]])) if len(pairs) else np.arange(0)
    return np.arange(len(pairs)) - np.repeat(starts, np.diff(np.append(starts, len(pairs))))
