"""Logistic regression, by scikit-learn: classes, two or more."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from lastro.models.fields import NonNegative, Ratio, Seed
from lastro.models.linear import LinearFamily
from lastro.params.schema import Section


class Hyperparameters(Section):
    """Named as in sklearn.linear_model.LogisticRegression."""

    C: Annotated[float, Field(gt=0)] = Field(
        1.0, description="inverse of the penalty's strength; .inf: no penalty"
    )
    l1_ratio: Ratio = Field(0.0, description="share of L1 in the penalty; above 0 only some solvers take it")
    solver: Literal["lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"] = Field(
        "lbfgs", description="optimisation algorithm"
    )
    tol: NonNegative = Field(1e-4, description="tolerance at which the solver stops")
    max_iter: Annotated[int, Field(ge=0)] = Field(100, description="most iterations of the solver")
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

        return LogisticRegression(**hyperparameters.model_dump())


FAMILY = LogisticRegression()
