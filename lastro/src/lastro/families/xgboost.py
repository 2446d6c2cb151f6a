"""XGBoost: gradient boosted trees, stopped early on the validation part."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lastro.artifact.native import import_xgboost, predict_xgboost
from lastro.core.errors import LastroError
from lastro.core.metric_names import kind_of
from lastro.core.params import Section
from lastro.families.fields import (
    Count,
    Directions,
    NonNegative,
    Seed,
    Share,
    directions,
    groups,
    refusals_of,
)
from lastro.families.protocol import Family, Fitted, Problem, Progress, Rows, shares

OBJECTIVES = {
    "binary": ("binary:logistic", "logloss"),
    "multiclass": ("multi:softprob", "mlogloss"),
    "regression": ("reg:squarederror", "rmse"),
}


class Hyperparameters(Section):
    """Named as in XGBoost's scikit-learn API. tree_method is hist, always: quantised, so fast and frugal."""

    n_estimators: Count = Field(100, description="maximum of boosting rounds")
    learning_rate: NonNegative = Field(0.3, description="shrinkage of each round's contribution")
    max_depth: Annotated[int, Field(ge=0)] = Field(6, description="depth of a tree; 0: no limit")
    max_leaves: Annotated[int, Field(ge=0)] = Field(0, description="leaves of a tree; 0: no limit")
    grow_policy: Literal["depthwise", "lossguide"] = Field(
        "depthwise", description="split the node nearest the root, or the one with the largest gain"
    )
    max_bin: Annotated[int, Field(ge=2)] = Field(256, description="bins per feature")
    min_child_weight: NonNegative = Field(1.0, description="least sum of hessians in a leaf")
    gamma: NonNegative = Field(0.0, description="least loss reduction that justifies a split")
    max_delta_step: NonNegative = Field(0.0, description="bound on a leaf's output; 0: none")
    subsample: Share = Field(1.0, description="share of the rows each tree sees")
    colsample_bytree: Share = Field(1.0, description="share of the features each tree sees")
    colsample_bylevel: Share = Field(1.0, description="share of the tree's features each level sees")
    colsample_bynode: Share = Field(1.0, description="share of the level's features each split sees")
    reg_alpha: NonNegative = Field(0.0, description="L1 penalty on leaf weights")
    reg_lambda: NonNegative = Field(1.0, description="L2 penalty on leaf weights")
    scale_pos_weight: NonNegative = Field(1.0, description="weight of class 1, for two unbalanced classes")
    base_score: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="prediction before the first tree; null: estimated from the target"
    )
    num_parallel_tree: Count = Field(1, description="trees per round; above 1: a boosted forest")
    max_cat_to_onehot: Count = Field(4, description="fewer categories than this split one against the rest")
    max_cat_threshold: Count = Field(64, description="maximum of categories on one side of a split")
    monotone_constraints: Directions | None = Field(
        None, description="feature: 1 (prediction may only rise with it), -1 (only fall) or 0"
    )
    interaction_constraints: list[list[str]] | None = Field(
        None, description="groups of features that may meet in one branch"
    )
    early_stopping_rounds: Count | None = Field(
        30, description="stop after so many rounds without a better validation metric; null: never"
    )
    random_state: Seed = Field(0, description="seed of the row and feature sampling")


class XGBoost(Family):
    name = "xgboost"
    flavor = "xgboost"
    uses_validation = True
    Hyperparameters = Hyperparameters
    quick = {"n_estimators": 1}  # noqa: RUF012  declared in the base class

    def fit(
        self,
        problem: Problem,
        train: Rows,
        validation: Rows | None,
        hyperparameters: Hyperparameters,
        progress: Progress | None = None,
    ) -> Fitted:
        """Boost; the model keeps the rounds up to the best one, so no range is needed to predict."""
        xgboost = import_xgboost()
        parameters, metric = _parameters(problem, hyperparameters)
        total = hyperparameters.n_estimators

        class Report(xgboost.callback.TrainingCallback):
            def after_iteration(self, model: Any, epoch: int, evals_log: dict) -> bool:
                progress(epoch, total, {name: values[-1] for name, values in _flat(evals_log).items()})
                return False

        callbacks = [Report()] if progress else []
        early = validation is not None and hyperparameters.early_stopping_rounds is not None
        if early:
            callbacks.append(
                xgboost.callback.EarlyStopping(
                    rounds=hyperparameters.early_stopping_rounds, data_name="validation", metric_name=metric
                )
            )
        history: dict[str, dict[str, list[float]]] = {}
        with refusals_of(self.name):
            matrix = _matrix(problem, train, hyperparameters)
            parts = [(matrix, "train")]
            if validation is not None:
                parts.append((_matrix(problem, validation, hyperparameters, matrix), "validation"))
            booster = xgboost.train(
                parameters,
                matrix,
                num_boost_round=total,
                evals=parts,
                evals_result=history,
                callbacks=callbacks,
                verbose_eval=False,
            )
        best = booster.best_iteration if early else None
        if best is not None:
            booster = booster[: best + 1]
        booster.set_attr(best_iteration=None, best_score=None)
        return Fitted(booster, _flat(history), best)

    def to_bytes(self, model: Any) -> bytes:
        """Write universal binary JSON, which holds no thread count."""
        return bytes(model.save_raw("ubj"))

    def from_bytes(self, data: bytes) -> Any:
        xgboost = import_xgboost()
        booster = xgboost.Booster()
        try:
            # The library ends the whole process on an empty file; its own error covers every other damage.
            if not data:
                raise ValueError("empty")
            booster.load_model(bytearray(data))
        except ValueError as error:
            raise LastroError("not an XGBoost model in UBJ", where="model", fix="train it again") from error
        return booster

    def predict(self, model: Any, X: np.ndarray, problem: Problem) -> np.ndarray:
        return predict_xgboost(model, X, problem.task, problem.n_classes)

    def importance(self, model: Any, problem: Problem) -> np.ndarray:
        """Compute the share of the total gain of all splits on each feature."""
        gains = model.get_score(importance_type="total_gain")
        names = model.feature_names or [f"f{i}" for i in range(len(problem.features))]
        return shares(problem, np.arange(len(names)), np.array([gains.get(name, 0.0) for name in names]))


def _parameters(problem: Problem, hyperparameters: Hyperparameters) -> tuple[dict[str, Any], str]:
    """The library's native parameters, and the name of the metric that it reports."""
    kind = kind_of(problem.task, problem.n_classes)
    objective, metric = OBJECTIVES[kind]
    # Our defaults are the library's own; one passed to an objective that does not know it is a warning.
    parameters = hyperparameters.model_dump(
        exclude_defaults=True,
        exclude={"n_estimators", "early_stopping_rounds", "monotone_constraints", "interaction_constraints"},
    )
    if signs := hyperparameters.monotone_constraints:
        parameters["monotone_constraints"] = tuple(directions(problem, signs, "monotone_constraints"))
    if together := hyperparameters.interaction_constraints:
        parameters["interaction_constraints"] = str(groups(problem, together, "interaction_constraints"))
    if kind != "binary" and hyperparameters.scale_pos_weight != 1:
        # The library would take a target of exactly 1 for a positive one.
        raise LastroError("is for two classes only", where="model.params.scale_pos_weight", fix="remove it")
    if kind == "multiclass":
        parameters["num_class"] = problem.n_classes
    return parameters | {"objective": objective, "eval_metric": metric, "tree_method": "hist"}, metric


def _matrix(problem: Problem, rows: Rows, hyperparameters: Hyperparameters, ref: Any = None) -> Any:
    # The library forbids these characters; the names serve people, columns go by position.
    names = [re.sub(r"[\[\]<]", "_", name) for name in problem.features]
    return import_xgboost().QuantileDMatrix(
        rows.X,
        label=rows.y,
        ref=ref,
        max_bin=hyperparameters.max_bin,
        feature_names=names if len(set(names)) == len(names) else None,
        feature_types=["c" if count else "q" for count in problem.categories],
        enable_categorical=True,
    )


def _flat(history: dict[str, dict[str, list[float]]]) -> dict[str, list[float]]:
    return {f"{part}-{name}": list(v) for part, metrics in history.items() for name, v in metrics.items()}
