"""What the families of scikit-learn share: fit, file, prediction, and columns they can work on."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from lastro.artifact.native import predict_sklearn
from lastro.core.errors import LastroError
from lastro.core.params import Section
from lastro.families import skops_file
from lastro.families.fields import refusals_of
from lastro.families.protocol import Family, Fitted, Problem, Progress, Rows, Task


class SklearnFamily(Family):
    """Base of the families: they say how to build the model, and differ where they have to."""

    flavor = "sklearn"
    trusted: ClassVar[tuple[str, ...]] = ()
    """The types in this family's files that skops does not trust by itself."""

    @abstractmethod
    def build(self, problem: Problem, hyperparameters: Section) -> Any:
        """Build the unfitted model."""

    def threads(self) -> contextlib.AbstractContextManager:
        """Limit threads during a fit, so that they do not change the result."""
        return contextlib.nullcontext()

    def fit(
        self,
        problem: Problem,
        train: Rows,
        validation: Rows | None,
        hyperparameters: Section,
        progress: Progress | None = None,
    ) -> Fitted:
        model = self.build(problem, hyperparameters)
        with refusals_of(self.name), self.threads():
            model.fit(train.X, train.y)
        return Fitted(model)

    def to_bytes(self, model: Any) -> bytes:
        return skops_file.dumps(model)

    def from_bytes(self, data: bytes) -> Any:
        return skops_file.loads(data, self.trusted)

    def predict(self, model: Any, X: np.ndarray, problem: Problem) -> np.ndarray:
        return predict_sklearn(model, X, problem.task, problem.n_classes)


def columns(problem: Problem, numeric: Any) -> Any:
    """Build a ColumnTransformer: `numeric` for numeric features, then a 0/1 column for each category.

    A missing category is 0 in all of its columns. The categories are those of the schema, so the columns do not
    depend on which of them the training rows happen to show.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder

    counts = np.array(problem.categories)
    numbers, texts = np.flatnonzero(counts == 0).tolist(), np.flatnonzero(counts).tolist()
    one_hot = OneHotEncoder(
        categories=[np.arange(counts[index], dtype=np.float64) for index in texts],
        handle_unknown="ignore",
        sparse_output=False,
    )
    parts = [("numeric", numeric, numbers), ("categories", one_hot, texts)]
    return ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0)


def origins(problem: Problem, indicators: np.ndarray = ()) -> np.ndarray:
    """Find the feature that each column of `columns` comes from.

    `indicators`: which numeric features, counted among themselves, have a column that says "missing".
    """
    counts = np.array(problem.categories)
    numbers, texts = np.flatnonzero(counts == 0), np.flatnonzero(counts)
    return np.concatenate((numbers, numbers[np.asarray(indicators, int)], np.repeat(texts, counts[texts])))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Forbid parallel sums: linear algebra adds in another order with each number of threads."""
    import scipy.linalg  # noqa: F401  only libraries that are loaded by now can be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def only_for(task: Task, problem: Problem, **values: Any) -> dict[str, Any]:
    """Return `values` where the problem is of that task, else nothing.

    Raises LastroError: one is set, and the problem is of the other task.
    """
    if problem.task == task:
        return values
    for key, value in values.items():
        if value is not None:
            where, fix = f"model.params.{key}", "remove it or set it to null"
            raise LastroError(f"{value!r} is for {task} only", where=where, fix=fix)
    return {}


def for_task(problem: Problem, key: str, value: str, allowed: dict[Task, tuple[str, ...]]) -> dict[str, str]:
    """Return `value` under `key`; nothing where it is auto, so that the library's own default for the task holds.

    Raises LastroError: not allowed for the task.
    """
    choices = ("auto", *allowed[problem.task])
    if value not in choices:
        where, fix = f"model.params.{key}", f"allowed: {', '.join(choices)}"
        raise LastroError(f"{value!r} is not for {problem.task}", where=where, fix=fix)
    return {} if value == "auto" else {key: value}
