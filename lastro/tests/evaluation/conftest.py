"""Predictions to judge: models of known strength on made-up rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lastro.evaluation.predictions import Predictions


def make(
    n: int, k: int = 2, seed: int = 0, strength: float = 1.5, decimals: int | None = None
) -> Predictions:
    """n rows; k classes, or regression where k is 0. Equal seeds give equal rows; strength is the model's.

    decimals rounds the scores, which makes ties. Rows have one slice column `sex`, two thirds of them `m`.
    """
    random = np.random.default_rng(seed)
    keys = random.permutation(n).astype(np.uint64)
    slices = {"sex": np.where(keys % 3 == 0, "f", "m")}
    if not k:
        truth = random.normal(10, 2, n)
        scores = truth + random.normal(size=n) / strength
        return Predictions("regression", (), keys, truth, _rounded(scores, decimals), slices)
    truth = np.concatenate([np.arange(k), random.integers(0, k, max(n - k, 0))])[:n]
    evidence = random.normal(size=(n, k))
    evidence[np.arange(n), truth] += strength
    scores = np.exp(evidence) / np.exp(evidence).sum(axis=1, keepdims=True)
    return Predictions("classification", tuple(range(k)), keys, truth, _rounded(scores, decimals), slices)


def _rounded(scores: np.ndarray, decimals: int | None) -> np.ndarray:
    return scores if decimals is None else scores.round(decimals)


@pytest.fixture(scope="session")
def model() -> Callable[..., Predictions]:
    """See `make`."""
    return make
