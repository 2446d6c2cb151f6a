"""Logistic regression, by scikit-learn: classes, two or more."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from lastro.core.params import Section
from lastro.families.fields import NonNegative, Positive, Ratio, Seed, expected
from lastro.families.linear import LinearFamily


class Hyperparameters(Section):
    """Named as in sklearn.linear_model.LogisticRegression."""

    # Without infinity, which is the library's word for no penalty: JSON, and so the training record, has none.
    C: Annotated[Positive | None, expected("a number above 0, or null for no penalty")] = Field(
        1.0, description="inverse of the penalty's strength; null: no penalty"
    )
    l1_ratio: Ratio = Field(0.0, description="share of L1 in the penalty; above 0 only some solvers take it")
    solver: Literal["lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"] = Field(
        "lbfgs", description="optimisation algorithm"
    )
    tol: NonNegative = Field(1e-4, description="tolerance at which the solver stops")
    max_iter: Annotated[int, Field(ge=0)] = Field(100, description="maximum of iterations of the solver")
    fit_intercept: bool = Field(True, description="whether the model has an intercept")
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: weigh classes inversely to their frequency"
    )
    random_state: Seed = Field(0, description="seed of the solvers sag, saga and liblinear")


class LogisticRegression(LinearFamily):
    name = "logistic_regression"
    tasks = frozenset({"classification"})
    Hyperparameters = Hyperparameters

    def estimator(self, hyperparameters: Hyperparameters) -> Any:
        from sklearn.linear_model import LogisticRegression

        values = hyperparameters.model_dump()
        return LogisticRegression(
            **values | {"C": math.inf if hyperparameters.C is None else hyperparameters.C}
        )


FAMILY = LogisticRegression()
