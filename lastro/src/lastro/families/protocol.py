"""What a model family is: the one small protocol between the pipeline and the libraries."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from lastro.core.params import Section
from lastro.tables.schema import Schema

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Problem:
    """What is to be learnt.

    Attributes:
        features: the p feature names, in the order of the matrix columns.
        categories: for each feature the number of its categories; 0 for a numeric one. A categorical column of
            the matrix holds codes 0 .. categories-1 and NaN where the value is missing.
        n_classes: number of classes; 0 for regression.
    """

    task: Task
    features: tuple[str, ...]
    categories: tuple[int, ...]
    n_classes: int = 0

    @classmethod
    def of(cls, schema: Schema) -> Problem:
        return cls(
            task=schema.task,
            features=tuple(column.name for column in schema.features),
            categories=tuple(len(column.categories) for column in schema.features),
            n_classes=len(schema.labels),
        )


@dataclass(frozen=True)
class Rows:
    """X: (n, p) float64, NaN where missing. y: (n,) class indices 0 .. n_classes-1 (int64), or values (float64)."""

    X: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """A trained model and, per iteration, the metrics that its library reported.

    history maps "part-metric" (for example "validation-logloss") to one value per iteration; empty where the
    family does not iterate. best_iteration is 0-based, None without early stopping.
    """

    model: Any
    history: dict[str, list[float]] = field(default_factory=dict)
    best_iteration: int | None = None


Progress = Callable[[int, int, dict[str, float]], None]
"""Called after each iteration with (iteration, total, metrics)."""


class Family(ABC):
    """One kind of model. Each imports its library inside the methods: a stage pays for what it uses."""

    name: ClassVar[str]
    flavor: ClassVar[Literal["xgboost", "sklearn"]]
    tasks: ClassVar[frozenset[Task]] = frozenset({"classification", "regression"})
    uses_validation: ClassVar[bool] = False
    Hyperparameters: ClassVar[type[Section]]
    quick: ClassVar[dict[str, Any]] = {}
    """Hyperparameters that make a fit cheap, for `check`."""

    def check(self, hyperparameters: Section, problem: Problem) -> None:
        """Fit a handful of made-up rows: only a fit finds what excludes what, such as a solver and a penalty.

        Raises LastroError: one line, with the library's reason.
        """
        n = max(20, 4 * problem.n_classes)
        rng = np.random.default_rng(0)
        X = np.column_stack([rng.integers(0, c, n) if c else rng.random(n) for c in problem.categories])
        y = np.arange(n) % problem.n_classes if problem.n_classes else 1.0 + np.arange(n)
        rows = Rows(X.astype(float), y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            validation = rows if self.uses_validation else None
            self.fit(problem, rows, validation, hyperparameters.model_copy(update=self.quick))

    @abstractmethod
    def fit(
        self,
        problem: Problem,
        train: Rows,
        validation: Rows | None,
        hyperparameters: Section,
        progress: Progress | None = None,
    ) -> Fitted:
        """Train. The same inputs give a model with the same bytes, at any number of threads."""

    @abstractmethod
    def to_bytes(self, model: Any) -> bytes:
        """Write the model in its safe native format, canonical: equal models give equal bytes."""

    @abstractmethod
    def from_bytes(self, data: bytes) -> Any:
        """Read what `to_bytes` wrote; loads nothing but the types it expects. Raises LastroError: it is something else."""

    @abstractmethod
    def predict(self, model: Any, X: np.ndarray, problem: Problem) -> np.ndarray:
        """Predict probabilities (n, n_classes) float64 whose rows sum to 1, or values (n,) float64; the same bits at any
        number of threads."""

    @abstractmethod
    def importance(self, model: Any, problem: Problem) -> np.ndarray:
        """Compute (p,) non-negative weights of the features, summing to 1 (all 0 when the model uses none)."""


def shares(problem: Problem, features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum non-negative weights by feature, scaled to sum to 1. features, weights: (m,); returns (p,)."""
    total = np.bincount(features, weights=weights, minlength=len(problem.features))
    return total / (total.sum() or 1.0)
