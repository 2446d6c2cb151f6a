"""Small tables with every kind of column, and settings that train in no time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lastro.families import catalog

FEW = {
    "xgboost": {"n_estimators": 20, "early_stopping_rounds": 5},
    "random_forest": {"n_estimators": 20},
    "hist_gradient_boosting": {"max_iter": 20},
    "logistic_regression": {},
    "elastic_net": {"alpha": 0.01},
}
TARGETS = {
    "text": ["no", "yes"],
    "boolean": [False, True],
    "number": [1, 2],
    "three": ["low", "medium", "high"],
    "regression": None,
}


def table(kind: str) -> pa.Table:
    """400 rows with every kind of column, each with missing values, that say something about the target."""
    rng = np.random.default_rng(5)
    n = 400
    signal = rng.normal(size=n)
    city = np.where(signal > 0.5, "Porto", np.where(signal > -0.5, "Aveiro", "Évora"))
    labels = TARGETS[kind]
    noisy = signal + rng.normal(scale=0.3, size=n)
    if labels is None:
        target = noisy * 10
    else:
        rank = noisy.argsort().argsort() * len(labels) // n
        target = [labels[i] for i in rank]

    def holes(values) -> pa.Array:
        return pa.array(values, mask=rng.random(n) < 0.1)

    return pa.table(
        {
            "size": holes(signal * 3 + rng.normal(size=n)),
            "count": holes(rng.integers(0, 9, n)),
            "open": holes(signal + rng.normal(size=n) > 0),
            "city": holes(city),
            "since": holes(np.datetime64("2020-01-01") + (signal * 100).astype("timedelta64[D]")),
            "void": pa.nulls(n, pa.float64()),
            "still": [7.0] * n,
            "target": target,
        }
    )


def cases(kinds) -> list:
    """(family, kind of target) for every task that the family does."""
    return [
        pytest.param(name, kind, id=f"{name}-{kind}")
        for name in catalog.FAMILIES
        for kind in kinds
        if ("regression" if TARGETS[kind] is None else "classification") in catalog.get(name).tasks
    ]
