"""Random forest, by scikit-learn. Missing numbers are left as they are: the trees learn which way they go."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lastro.core.params import Section
from lastro.families.estimators import SklearnFamily, columns, for_task, one_thread, only_for, origins
from lastro.families.fields import Count, FloatShare, NonNegative, Seed, expected
from lastro.families.protocol import Problem, shares

CRITERIA = {"classification": ("gini", "entropy", "log_loss"), "regression": ("squared_error", "poisson")}


class Hyperparameters(Section):
    """Named as in sklearn.ensemble.RandomForestClassifier and RandomForestRegressor."""

    n_estimators: Count = Field(100, description="number of trees")
    # Without absolute_error: it takes no missing values.
    criterion: Literal["auto", "gini", "entropy", "log_loss", "squared_error", "poisson"] = Field(
        "auto", description="quality of a split; auto: gini for classification, squared_error for regression"
    )
    max_depth: Count | None = Field(None, description="depth of a tree; null: no limit")
    min_samples_split: Annotated[
        Annotated[int, Field(ge=2)] | FloatShare, expected("an int of 2 or more, or a float in (0, 1]")
    ] = Field(2, description="rows a node needs to be split; a float is a share of the rows")
    min_samples_leaf: Annotated[Count | FloatShare, expected("an int of 1 or more, or a float in (0, 1]")] = (
        Field(1, description="rows each leaf keeps; a float is a share of the rows")
    )
    min_weight_fraction_leaf: Annotated[float, Field(ge=0, le=0.5)] = Field(
        0.0, description="share of the total weight each leaf keeps"
    )
    max_features: Annotated[
        Count | FloatShare | Literal["auto", "sqrt", "log2"] | None,
        expected("auto, sqrt, log2, an int of 1 or more, a float in (0, 1], or null"),
    ] = Field(
        "auto",
        description="columns tried at each split; a float is a share, null is all; "
        "auto: sqrt for classification, 1.0 for regression",
    )
    max_leaf_nodes: Annotated[int, Field(ge=2)] | None = Field(
        None, description="leaves of a tree; null: no limit"
    )
    min_impurity_decrease: NonNegative = Field(0.0, description="least gain that justifies a split")
    bootstrap: bool = Field(True, description="whether each tree sees a resample of the rows")
    max_samples: Annotated[
        Count | FloatShare | None, expected("an int of 1 or more, a float in (0, 1], or null")
    ] = Field(None, description="size of the resamples; a float is a share of the rows, null is as many")
    class_weight: Literal["balanced", "balanced_subsample"] | None = Field(
        None, description="weigh classes inversely to their frequency, in all rows or in each resample"
    )
    ccp_alpha: NonNegative = Field(0.0, description="complexity penalty of pruning")
    random_state: Seed = Field(0, description="seed of the resamples and of the columns tried")


class RandomForest(SklearnFamily):
    name = "random_forest"
    Hyperparameters = Hyperparameters
    trusted = ("sklearn.tree._tree.Tree",)
    quick = {"n_estimators": 1}  # noqa: RUF012  declared in the base class

    def build(self, problem: Problem, hyperparameters: Hyperparameters) -> Any:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
        from sklearn.pipeline import Pipeline

        values = hyperparameters.model_dump(exclude={"class_weight", "criterion"})
        if values["max_features"] == "auto":
            del values["max_features"]
        values |= for_task(problem, "criterion", hyperparameters.criterion, CRITERIA)
        values |= only_for("classification", problem, class_weight=hyperparameters.class_weight)
        kind = RandomForestClassifier if problem.task == "classification" else RandomForestRegressor
        forest = kind(**values)
        if not any(problem.categories):
            return forest
        return Pipeline([("columns", columns(problem, "passthrough")), ("estimate", forest)])

    @contextlib.contextmanager
    def threads(self) -> Any:
        import joblib

        # Trees are grown apart, each from its own seed. The number of threads is the context's, so the forest's
        # own n_jobs stays unset: it is not saved, and predictions add up the trees one after the other.
        with joblib.parallel_config(backend="threading", n_jobs=-1), one_thread():
            yield

    def importance(self, model: Any, problem: Problem) -> np.ndarray:
        """Compute the share of the impurity that splits on each feature take away."""
        forest = model.steps[-1][1] if hasattr(model, "steps") else model
        return shares(problem, origins(problem), forest.feature_importances_)
