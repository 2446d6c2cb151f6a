"""Predictions straight from the libraries' own models; needs nothing else of lastro, so a model can carry it.

Every function gives a row the same numbers alone and among others, at any number of threads.
"""

from __future__ import annotations

import os
import sys
import threading
from types import ModuleType
from typing import Any, Literal

import numpy as np

# Idle OpenMP threads that spin slow a fit down many times on a busy host. Libraries read this when they are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

Task = Literal["classification", "regression"]


class _WithoutSklearn:
    """Import hook: scikit-learn is not there, for one thread only."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "sklearn" and threading.get_ident() == self._thread:
            raise ModuleNotFoundError("scikit-learn is hidden while xgboost is imported", name="sklearn")


def import_xgboost() -> ModuleType:
    """Import xgboost, in 0.2 s instead of 1 s where scikit-learn is not imported yet.

    xgboost imports scikit-learn only as the base of its XGBClassifier and the like, and does without where it is
    not installed. Boosters are all we use, so it is told so. The hook hides scikit-learn from this thread's
    import alone and leaves nothing behind in sys.modules: another thread, or a later `import sklearn`, works.
    In such a process XGBClassifier raises ImportError; where scikit-learn came first, it works too.
    """
    if "xgboost" in sys.modules or "sklearn" in sys.modules:
        import xgboost

        return xgboost
    hook = _WithoutSklearn()
    sys.meta_path.insert(0, hook)
    try:
        import xgboost
    finally:
        sys.meta_path.remove(hook)
    return xgboost


def predict_xgboost(booster: Any, X: np.ndarray, task: Task, n_classes: int = 0) -> np.ndarray:
    """Predict with a Booster of objective binary:logistic, multi:softprob or reg:squarederror.

    X: (n, p), NaN where missing, category codes in categorical columns. Returns probabilities (n, n_classes)
    float64 whose rows sum to 1, or values (n,) float64.
    """
    if len(X) == 0:
        return np.empty((0, n_classes) if task == "classification" else 0)
    raw = booster.inplace_predict(X, validate_features=False).astype(np.float64)
    if task == "regression":
        return raw
    if n_classes == 2:
        return np.column_stack((1 - raw, raw))
    # The library sums to 1 in float32 only.
    return raw / raw.sum(axis=1, keepdims=True)


def predict_sklearn(model: Any, X: np.ndarray, task: Task, n_classes: int = 0) -> np.ndarray:
    """Predict with a scikit-learn estimator, or a Pipeline of one, whose classes are the class indices.

    X: as in `predict_xgboost`. Returns probabilities (n, n_classes) float64 whose rows sum to 1, 0 for a class
    that the training rows lacked (n_classes = 0: as many columns as the model knows classes), or values (n,)
    float64.
    """
    if len(X) == 0:
        return np.empty((0, n_classes or len(model.classes_)) if task == "classification" else 0)
    estimator = model.steps[-1][1] if hasattr(model, "steps") else model
    if hasattr(estimator, "coef_"):
        scores = _linear_scores(estimator, model[:-1].transform(X))
        if task == "regression":
            return scores[:, 0]
        known = _softmax(scores) if scores.shape[1] > 1 else _logistic(scores[:, 0])
    elif task == "regression":
        return np.asarray(model.predict(X), dtype=np.float64)
    else:
        known = np.asarray(model.predict_proba(X), dtype=np.float64)
    if n_classes in (0, known.shape[1]):
        return known
    probabilities = np.zeros((len(known), n_classes))
    probabilities[:, estimator.classes_] = known
    return probabilities


def _linear_scores(estimator: Any, Z: np.ndarray) -> np.ndarray:
    # Z @ coef goes through BLAS, which adds a row's terms in another order when it comes alone: 4 in 10 rows then
    # differ in the last bit. einsum walks each contiguous row in one order whatever its neighbours.
    Z = np.ascontiguousarray(Z)
    columns = [np.einsum("np,p->n", Z, weights) for weights in np.atleast_2d(estimator.coef_)]
    return np.stack(columns, axis=1) + estimator.intercept_


def _logistic(scores: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    positive = expit(scores)
    return np.column_stack((1 - positive, positive))


def _softmax(scores: np.ndarray) -> np.ndarray:
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)
