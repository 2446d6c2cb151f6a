"""Small problems with every kind of column, and each family fitted on each task that it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from lastro.core.params import Section
from lastro.families.catalog import FAMILIES, get
from lastro.families.protocol import Family, Fitted, Problem, Rows, Task

FEATURES = ("signal [m]", "shop", "noise", "empty", "constant", "colour")
CATEGORIES = (0, 4, 0, 0, 0, 3)
QUICK = {
    "xgboost": {"n_estimators": 25, "max_depth": 3, "subsample": 0.8, "early_stopping_rounds": 5},
    "random_forest": {"n_estimators": 10},
    "hist_gradient_boosting": {"max_iter": 20, "min_samples_leaf": 5, "n_iter_no_change": 5},
    "elastic_net": {"alpha": 0.01},
}
TASKS: list[tuple[Task, int]] = [("classification", 2), ("classification", 3), ("regression", 0)]
CASES = [(name, *task) for name in FAMILIES for task in TASKS if task[0] in get(name).tasks]


def toy(task: Task, n_classes: int, n: int = 320) -> tuple[Problem, Rows, Rows]:
    """A problem that "signal [m]" and the category 1 of "shop" decide; one row in ten lacks each of them.

    "empty" has no value in the training rows, and some in the validation rows.
    """
    rng = np.random.default_rng(7)
    signal, noise = rng.normal(size=n), rng.normal(size=n)
    shop, colour = rng.integers(0, 4, n), rng.integers(0, 3, n)
    y = 2 * signal + 1.5 * (shop == 1) + rng.normal(scale=0.2, size=n)
    if task == "classification":
        y = np.digitize(y, np.quantile(y, np.arange(1, n_classes) / n_classes))
    X = np.column_stack((signal, shop, noise, np.full(n, np.nan), np.ones(n), colour)).astype(np.float64)
    X[rng.random(n) < 0.1, 0] = np.nan
    X[rng.random(n) < 0.1, 1] = np.nan
    cut = n * 3 // 4
    X[cut::2, 3] = 1.0
    return Problem(task, FEATURES, CATEGORIES, n_classes), Rows(X[:cut], y[:cut]), Rows(X[cut:], y[cut:])


def quick(family: Family, **values: Any) -> Section:
    """Hyperparameters that make a fit cheap."""
    return family.Hyperparameters(**{**QUICK.get(family.name, {}), **values})


def fit(family: Family, problem: Problem, train: Rows, validation: Rows, **values: Any) -> Fitted:
    """A quick fit, with validation rows for the families that use them."""
    held_out = validation if family.uses_validation else None
    return family.fit(problem, train, held_out, quick(family, **values))


@dataclass(frozen=True)
class Case:
    family: Family
    problem: Problem
    train: Rows
    validation: Rows
    fitted: Fitted

    @property
    def model(self) -> Any:
        return self.fitted.model

    def predict(self, X: np.ndarray, model: Any = None) -> np.ndarray:
        return self.family.predict(self.model if model is None else model, X, self.problem)


@pytest.fixture(scope="session", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def case(request) -> Case:
    name, task, n_classes = request.param
    family, rows = get(name), toy(task, n_classes)
    return Case(family, *rows, fit(family, *rows))


@pytest.fixture(scope="session")
def problem_rows():
    """`toy`, for tests that fit by themselves."""
    return toy


@pytest.fixture(scope="session")
def quick_fit():
    """`fit`, for tests that fit by themselves."""
    return fit
