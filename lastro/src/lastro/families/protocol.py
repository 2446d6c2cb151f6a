"""What a model family is: the one small protocol between the pipeline and the libraries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

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
        """Read it off the schema of a table."""
        return cls(
            task=schema.task,
            features=tuple(column.name for column in schema.features),
            categories=tuple(len(c.categories) if c.kind == "category" else 0 for c in schema.features),
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


class Family(Protocol):
    """One kind of model. Implementations import their library inside the methods: a stage pays for what it uses."""

    name: str
    flavor: Literal["xgboost", "sklearn"]
    tasks: frozenset[Task]
    uses_validation: bool
    Hyperparameters: type[Section]

    def check(self, hyperparameters: Section, problem: Problem) -> None:
        """Ask the library itself whether it takes these hyperparameters, before any training.

        Raises:
            LastroError: one line, with the library's reason.
        """

    def fit(
        self,
        problem: Problem,
        train: Rows,
        validation: Rows | None,
        hyperparameters: Section,
        progress: Progress | None = None,
    ) -> Fitted:
        """Train. The same inputs give a model with the same bytes, at any number of threads."""

    def to_bytes(self, model: Any) -> bytes:
        """Write the model in its safe native format, canonical: equal models give equal bytes."""

    def from_bytes(self, data: bytes) -> Any:
        """Read what `to_bytes` wrote; loads nothing but the types it expects."""

    def predict(self, model: Any, X: np.ndarray, problem: Problem) -> np.ndarray:
        """Predict probabilities (n, n_classes) float64 whose rows sum to 1, or values (n,) float64; the same bits at any
        number of threads."""

    def importance(self, model: Any, problem: Problem) -> np.ndarray:
        """Compute (p,) non-negative weights of the features, summing to 1 (all 0 when the model uses none)."""
