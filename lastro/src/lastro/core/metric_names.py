"""The metrics by name: which way is better, where each formula comes from, and when it has no value.

Below everything else, so that params.yaml's gate can be checked before anything runs; `lastro.evaluation.metrics`
computes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lastro.core.errors import LastroError, did_you_mean

CALIBRATION_BINS = 15

Kind = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Metric:
    """One metric. source: the formula, or where it is written. undefined: when it has no value."""

    name: str
    higher_is_better: bool
    kinds: tuple[Kind, ...]
    source: str
    undefined: str = "there are no rows"

    @property
    def sign(self) -> int:
        """Return +1 or -1: a difference times this is positive where it is an improvement."""
        return 1 if self.higher_is_better else -1


_BINARY: tuple[Kind, ...] = ("binary",)
_MULTI: tuple[Kind, ...] = ("multiclass",)
_BOTH: tuple[Kind, ...] = ("binary", "multiclass")
_REGRESSION: tuple[Kind, ...] = ("regression",)
_ONE_CLASS = "a class has no rows"
_NO_POSITIVES = "the positive class has no rows"
_NEVER = "a class is never predicted"

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", True, _BOTH, "share of rows whose most probable class is the true one"),
        Metric(
            "balanced_accuracy",
            True,
            _BOTH,
            "mean recall over the classes, Brodersen et al. 2010",
            _ONE_CLASS,
        ),
        Metric("roc_auc", True, _BINARY, "area under the ROC curve, Hanley and McNeil 1982", _ONE_CLASS),
        Metric(
            "roc_auc_ovr_macro", True, _MULTI, "mean over the classes of roc_auc against the rest", _ONE_CLASS
        ),
        Metric(
            "average_precision", True, _BINARY, "sum of (R_i - R_(i-1)) P_i over thresholds", _NO_POSITIVES
        ),
        Metric(
            "average_precision_macro", True, _MULTI, "mean over classes, each against the rest", _ONE_CLASS
        ),
        Metric("log_loss", False, _BOTH, "mean of -ln of the true class's probability, Good 1952"),
        Metric(
            "brier_score",
            False,
            _BOTH,
            "mean squared error of probabilities, Brier 1950; binary 0-1, else 0-2",
        ),
        Metric(
            "f1",
            True,
            _BINARY,
            "2 TP / (2 TP + FP + FN), van Rijsbergen 1979",
            "no row is or is predicted positive",
        ),
        Metric(
            "f1_macro", True, _MULTI, "mean of f1 over the classes", "a class neither occurs nor is predicted"
        ),
        Metric("precision", True, _BINARY, "TP / (TP + FP)", "no row is predicted positive"),
        Metric("precision_macro", True, _MULTI, "mean of precision over the classes", _NEVER),
        Metric("recall", True, _BINARY, "TP / (TP + FN)", _NO_POSITIVES),
        Metric("recall_macro", True, _MULTI, "mean of recall over the classes", _ONE_CLASS),
        Metric(
            "matthews_correlation", True, _BOTH, "R_K, Gorodkin 2004", "all rows have or are given one class"
        ),
        Metric(
            "calibration_error",
            False,
            _BOTH,
            f"expected calibration error over {CALIBRATION_BINS} equal-width bins, Guo et al. 2017; of the "
            "positive class for two classes, else of the most probable one. Noise mostly adds to it, so its "
            "interval leans upward and may lie above its value",
        ),
        Metric("rmse", False, _REGRESSION, "root of the mean squared error"),
        Metric("mae", False, _REGRESSION, "mean absolute error"),
        Metric("median_absolute_error", False, _REGRESSION, "median of the absolute errors"),
        Metric(
            "r2", True, _REGRESSION, "1 - squared errors / squares around the mean truth", "truth is constant"
        ),
        Metric("mape", False, _REGRESSION, "mean of |error| / |truth|, as a share", "a true value is 0"),
    )
}

_MULTICLASS_NAMES = {
    "roc_auc": "roc_auc_ovr_macro",
    **{name: f"{name}_macro" for name in ("average_precision", "f1", "precision", "recall")},
}
_BINARY_NAMES = {many: plain for plain, many in _MULTICLASS_NAMES.items()}


def kind_of(task: str, n_classes: int) -> Kind:
    """Tell which metrics apply."""
    if task == "regression":
        return "regression"
    return "multiclass" if n_classes > 2 else "binary"


def names(task: str, n_classes: int) -> tuple[str, ...]:
    """List the metrics that apply, in the order of reports."""
    kind = kind_of(task, n_classes)
    return tuple(metric.name for metric in METRICS.values() if kind in metric.kinds)


def resolve(name: str, task: str, n_classes: int) -> str:
    """Return the full name: `auto` is roc_auc or r2; with more than two classes plain names mean the average.

    Raises:
        LastroError: an unknown name, or one that does not apply; with the nearest that does.
    """
    kind, allowed = kind_of(task, n_classes), names(task, n_classes)
    full = {"auto": "r2" if kind == "regression" else "roc_auc"}.get(name, name)
    if kind == "multiclass":
        full = _MULTICLASS_NAMES.get(full, full)
    if full in allowed:
        return full
    # f1_macro of two classes is f1.
    hint = did_you_mean(_BINARY_NAMES.get(name, name) if kind == "binary" else name, allowed)
    what = f"does not apply to {kind} predictions" if name in METRICS else "is unknown"
    raise LastroError(f"metric {name!r} {what}", fix=f"{hint}allowed: auto, {', '.join(allowed)}")


def known(name: str) -> bool:
    """Tell whether any task has a metric of this name."""
    return name == "auto" or name in METRICS or name in _MULTICLASS_NAMES


def check_gate(metric: str, limits: dict[str, float], task: str, n_classes: int) -> None:
    """Check the metrics that the gate names against the task.

    Raises:
        LastroError: see `resolve`.
    """
    for key, name in [("gate.metric", metric), *(("gate.limits", name) for name in limits)]:
        try:
            resolve(name, task, n_classes)
        except LastroError as error:
            raise error.within(f"params.yaml: {key}") from None
