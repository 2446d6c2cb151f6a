"""The linear families, by scikit-learn: impute, encode, scale, then one estimator."""

from __future__ import annotations

import contextlib
import math
from abc import abstractmethod
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lastro.core.params import Section
from lastro.families.estimators import SklearnFamily, columns, one_thread, origins
from lastro.families.fields import Count, NonNegative, Positive, Ratio, Seed, expected
from lastro.families.protocol import Problem, shares


class LinearFamily(SklearnFamily):
    """Missing numbers become the median of the training rows, with a 0/1 column that says so where any lacked.

    All columns are scaled to unit variance, 0/1 columns too, so that the penalty treats them alike and
    coefficients can be compared.
    """

    trusted = ("numpy.dtype",)
    quick = {"max_iter": 1}  # noqa: RUF012  declared in the base class

    @abstractmethod
    def estimator(self, hyperparameters: Section) -> Any:
        """Build the last step of the pipeline."""

    def build(self, problem: Problem, hyperparameters: Section) -> Any:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        # A column without a single value is kept, as zeros: the positions of the others must not move.
        impute = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        steps = [
            ("columns", columns(problem, impute)),
            ("scale", StandardScaler()),
            ("estimate", self.estimator(hyperparameters)),
        ]
        return Pipeline(steps)

    def threads(self) -> contextlib.AbstractContextManager:
        return one_thread()

    def importance(self, model: Any, problem: Problem) -> np.ndarray:
        """Compute the share of the absolute coefficients, which are per standard deviation."""
        encoders = model.named_steps["columns"].named_transformers_
        indicators = encoders["numeric"].indicator_.features_ if "numeric" in encoders else ()
        # A column that never varies keeps its coefficient's zero; variance 0 is scaled by 1.
        spread = model.named_steps["scale"].var_ > 0
        weights = np.abs(np.atleast_2d(model.named_steps["estimate"].coef_)).sum(axis=0)
        return shares(problem, origins(problem, indicators), weights * spread)


class LogisticRegressionHyperparameters(Section):
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
    Hyperparameters = LogisticRegressionHyperparameters

    def estimator(self, hyperparameters: LogisticRegressionHyperparameters) -> Any:
        from sklearn.linear_model import LogisticRegression

        values = hyperparameters.model_dump()
        values["C"] = math.inf if values["C"] is None else values["C"]
        return LogisticRegression(**values)


class ElasticNetHyperparameters(Section):
    """Named as in sklearn.linear_model.ElasticNet."""

    alpha: NonNegative = Field(1.0, description="strength of the penalty")
    l1_ratio: Ratio = Field(0.5, description="share of L1 in the penalty; 0: ridge, 1: lasso")
    fit_intercept: bool = Field(True, description="whether the model has an intercept")
    positive: bool = Field(False, description="whether coefficients may not be negative")
    max_iter: Count = Field(1000, description="maximum of passes over the coefficients")
    tol: NonNegative = Field(1e-4, description="tolerance at which the solver stops")
    selection: Literal["cyclic", "random"] = Field(
        "cyclic", description="order in which coefficients are updated"
    )
    random_state: Seed = Field(0, description="seed of selection: random")


class ElasticNet(LinearFamily):
    """For regression only: the same penalty for classes is logistic_regression with an l1_ratio."""

    name = "elastic_net"
    tasks = frozenset({"regression"})
    Hyperparameters = ElasticNetHyperparameters

    def estimator(self, hyperparameters: ElasticNetHyperparameters) -> Any:
        from sklearn.linear_model import ElasticNet

        return ElasticNet(**hyperparameters.model_dump())
