"""Prints the digests of every family's model, predictions and importances: run with different thread counts."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator

import numpy as np
from conftest import CASES, fit, toy

from lastro.families.catalog import get
from lastro.families.protocol import Problem, Rows

# Wide and long enough that linear algebra shares the sums out among threads, and changes the last bits by it.
WIDE = [("logistic_regression", "newton-cholesky"), ("elastic_net", None)]


def fits() -> Iterator[tuple]:
    for name, task, n_classes in CASES:
        yield name, *toy(task, n_classes, 2000), {}
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 60))
    y = X[:, :3].sum(axis=1) + rng.normal(size=len(X))
    names = tuple(f"f{i}" for i in range(60))
    for name, solver in WIDE:
        n_classes = 2 if solver else 0
        problem = Problem("classification" if solver else "regression", names, (0,) * 60, n_classes)
        rows = Rows(X, (y > 0).astype(np.int64) if solver else y)
        yield name, problem, rows, Rows(X[:9], rows.y[:9]), {"solver": solver} if solver else {}


def digests() -> Iterator[str]:
    for name, problem, train, validation, values in fits():
        family = get(name)
        model = fit(family, problem, train, validation, **values).model
        parts = [
            family.to_bytes(model),
            family.predict(model, validation.X, problem).tobytes(),
            family.importance(model, problem).tobytes(),
        ]
        yield f"{name} {problem.n_classes} " + " ".join(hashlib.sha256(part).hexdigest() for part in parts)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print("\n".join(digests()))
