"""Linear regression with L1 and L2 penalties, by scikit-learn.

For regression only: the penalty of the same name for classes is logistic_regression with an l1_ratio.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lastro.core.params import Section
from lastro.families.fields import Count, NonNegative, Ratio, Seed
from lastro.families.linear import LinearFamily


class Hyperparameters(Section):
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
    name = "elastic_net"
    tasks = frozenset({"regression"})
    Hyperparameters = Hyperparameters

    def estimator(self, hyperparameters: Hyperparameters) -> Any:
        from sklearn.linear_model import ElasticNet

        return ElasticNet(**hyperparameters.model_dump())


FAMILY = ElasticNet()
