"""Histogram gradient boosting, by scikit-learn, stopped early on the validation part.

Missing values and categories are native. Unlike XGBoost it keeps the trees after the best iteration.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lastro.core.errors import LastroError
from lastro.core.params import Section
from lastro.families.estimators import SklearnFamily, for_task, only_for
from lastro.families.fields import (
    Count,
    Directions,
    NonNegative,
    Positive,
    Ratio,
    Seed,
    Share,
    directions,
    refusals_of,
)
from lastro.families.protocol import Fitted, Problem, Progress, Rows, shares

LOSSES = {
    "classification": ("log_loss",),
    "regression": ("squared_error", "absolute_error", "gamma", "poisson", "quantile"),
}


class Hyperparameters(Section):
    """Named as in sklearn.ensemble.HistGradientBoostingClassifier and HistGradientBoostingRegressor."""

    loss: Literal["auto", "log_loss", "squared_error", "absolute_error", "gamma", "poisson", "quantile"] = (
        Field(
            "auto",
            description="what is minimised; auto: log_loss for classification, squared_error for regression",
        )
    )
    quantile: Ratio | None = Field(None, description="the quantile that loss: quantile estimates")
    learning_rate: Positive = Field(0.1, description="shrinkage of each iteration's contribution")
    max_iter: Count = Field(100, description="maximum of boosting iterations")
    max_leaf_nodes: Annotated[int, Field(ge=2)] | None = Field(
        31, description="leaves of a tree; null: no limit"
    )
    max_depth: Count | None = Field(None, description="depth of a tree; null: no limit")
    min_samples_leaf: Count = Field(20, description="rows each leaf keeps")
    l2_regularization: NonNegative = Field(0.0, description="L2 penalty on leaf values")
    max_features: Share = Field(1.0, description="share of the features each split tries")
    max_bins: Annotated[int, Field(ge=2, le=255)] = Field(
        255, description="bins per feature; no categorical feature may have more categories"
    )
    monotonic_cst: Directions | None = Field(
        None, description="feature: 1 (prediction may only rise with it), -1 (only fall) or 0"
    )
    interaction_cst: Literal["pairwise", "no_interactions"] | None = Field(
        None, description="which features may meet in one branch"
    )
    early_stopping: bool = Field(True, description="whether to stop when the validation loss stops falling")
    n_iter_no_change: Count = Field(10, description="iterations without improvement before stopping")
    tol: NonNegative = Field(1e-7, description="least fall of the loss that counts as improvement")
    class_weight: Literal["balanced"] | None = Field(
        None, description="balanced: weigh classes inversely to their frequency"
    )
    random_state: Seed = Field(0, description="seed of the features tried and of the bins' row sample")

    @model_validator(mode="after")
    def _quantile_goes_with_its_loss(self) -> Hyperparameters:
        if (self.loss == "quantile") != (self.quantile is not None):
            raise ValueError("quantile is set with loss: quantile, and only then")
        return self


class HistGradientBoosting(SklearnFamily):
    name = "hist_gradient_boosting"
    uses_validation = True
    Hyperparameters = Hyperparameters
    trusted = (
        # How it checks numeric columns where there are categorical ones too.
        "functools.partial",
        "sklearn.utils.validation.check_array",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    )
    quick = {"max_iter": 1}  # noqa: RUF012  declared in the base class

    def build(self, problem: Problem, hyperparameters: Hyperparameters) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        for feature, count in zip(problem.features, problem.categories, strict=True):
            if count > hyperparameters.max_bins:
                takes = f"hist_gradient_boosting takes {hyperparameters.max_bins} (max_bins, 255 at most)"
                fix = "list it in data.ignore or choose another family"
                raise LastroError(f"has {count} categories, {takes}", where=feature, fix=fix)
        values = hyperparameters.model_dump(exclude={"class_weight", "loss", "quantile"})
        values |= for_task(problem, "loss", hyperparameters.loss, LOSSES)
        if values["monotonic_cst"] is not None:
            values["monotonic_cst"] = directions(problem, values["monotonic_cst"], "monotonic_cst")
        values |= only_for("classification", problem, class_weight=hyperparameters.class_weight)
        values |= only_for("regression", problem, quantile=hyperparameters.quantile)
        categorical = np.array(problem.categories) > 0
        values["categorical_features"] = categorical if categorical.any() else None
        if problem.task == "regression":
            return HistGradientBoostingRegressor(**values)
        return HistGradientBoostingClassifier(**values)

    def fit(
        self,
        problem: Problem,
        train: Rows,
        validation: Rows | None,
        hyperparameters: Hyperparameters,
        progress: Progress | None = None,
    ) -> Fitted:
        """Boost. Without validation rows nothing stops early; the library reports no progress.

        Threads do not change the result: the library sums each feature's histogram in one thread.
        """
        stops = hyperparameters.early_stopping and validation is not None
        # The library would otherwise split off rows of its own choice.
        model = self.build(problem, hyperparameters.model_copy(update={"early_stopping": stops}))
        held_out = {}
        if stops:
            # A class that only the validation part shows has no loss under this model.
            known = np.isin(validation.y, train.y) | (problem.task == "regression")
            held_out = {"X_val": validation.X[known], "y_val": validation.y[known]}
        with refusals_of(self.name):
            model.fit(_with_values(train.X), train.y, **held_out)
        # The only trace of the machine's threads in the model.
        model._bin_mapper.n_threads = None
        if not stops:
            return Fitted(model)
        history = _history(problem, hyperparameters, model)
        return Fitted(model, history, int(np.argmax(model.validation_score_[1:])))

    def importance(self, model: Any, problem: Problem) -> np.ndarray:
        """Compute the share of the total gain of all splits on each feature."""
        nodes = np.concatenate([tree.nodes for iteration in model._predictors for tree in iteration])
        splits = nodes[nodes["is_leaf"] == 0]
        categorical = np.array(problem.categories) > 0
        # The library works on the categorical columns first.
        order = np.concatenate((np.flatnonzero(categorical), np.flatnonzero(~categorical)))
        return shares(problem, order[splits["feature_idx"]], np.maximum(splits["gain"], 0))


def _with_values(X: np.ndarray) -> np.ndarray:
    """X, with zeros in columns without a single value: the library fails on one, and never splits on a constant."""
    empty = np.isnan(X).all(axis=0)
    return np.where(empty, 0.0, X) if empty.any() else X


def _history(problem: Problem, hyperparameters: Hyperparameters, model: Any) -> dict[str, list[float]]:
    """The loss after each iteration, under the name that XGBoost gives it."""
    losses = {"train": -model.train_score_[1:], "validation": -model.validation_score_[1:]}
    name = hyperparameters.loss
    if problem.task == "classification":
        name = "logloss" if problem.n_classes == 2 else "mlogloss"
    elif name in ("auto", "squared_error"):
        # The library's loss is half the squared error.
        name, losses = "rmse", {part: np.sqrt(2 * values) for part, values in losses.items()}
    return {f"{part}-{name}": values.tolist() for part, values in losses.items()}
