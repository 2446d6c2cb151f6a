"""The pipeline of the linear families: impute, encode, scale, then one estimator."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from lastro.core.params import Section
from lastro.families.estimators import SklearnFamily, columns, one_thread, origins, shares
from lastro.families.protocol import Problem


class LinearFamily(SklearnFamily):
    """Missing numbers become the median of the training rows, with a 0/1 column that says so where any lacked.

    All columns are scaled to unit variance, 0/1 columns too, so that the penalty treats them alike and
    coefficients can be compared.
    """

    trusted = ("numpy.dtype",)
    quick = {"max_iter": 1}  # noqa: RUF012  declared in the base class

    def estimator(self, hyperparameters: Section) -> Any:
        """Build the last step of the pipeline."""
        raise NotImplementedError

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
        """Compute the share of the absolute coefficients, which are per standard deviation. See `Family.importance`."""
        encoders = model.named_steps["columns"].named_transformers_
        indicators = encoders["numeric"].indicator_.features_ if "numeric" in encoders else ()
        # A column that never varies keeps its coefficient's zero; variance 0 is scaled by 1.
        spread = model.named_steps["scale"].var_ > 0
        weights = np.abs(np.atleast_2d(model.named_steps["estimate"].coef_)).sum(axis=0)
        return shares(problem, origins(problem, indicators), weights * spread)
