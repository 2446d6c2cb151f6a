"""The model families. To add one: write a class that implements the protocol, and name it here."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Any

from lastro.core.document import Document
from lastro.core.errors import LastroError, did_you_mean
from lastro.core.params import Params, Section
from lastro.families.protocol import Family, Task

FAMILIES = {
    "xgboost": "lastro.families.xgboost:XGBoost",
    "logistic_regression": "lastro.families.linear:LogisticRegression",
    "random_forest": "lastro.families.random_forest:RandomForest",
    "hist_gradient_boosting": "lastro.families.hist_gradient_boosting:HistGradientBoosting",
    "elastic_net": "lastro.families.linear:ElasticNet",
}


def get(name: str, where: str = "model.family") -> Family:
    """Import the family called `name`; `where` opens the message.

    Raises LastroError: there is none; the message suggests the nearest and lists all.
    """
    if name not in FAMILIES:
        fix = f"{did_you_mean(name, FAMILIES)}allowed: {', '.join(FAMILIES)}"
        raise LastroError(f"{name!r} is not a family", where=where, fix=fix)
    return pkgutil.resolve_name(FAMILIES[name])()


def load_params(path: Path, overrides: dict[str, Any] | None = None) -> Params:
    """Read params.yaml and check all of it, hyperparameters included, without importing a library.

    `overrides` maps a dotted key to a value laid over what the file says; `model.params: null` is an empty section. Raises
    LastroError: an unknown key, family or hyperparameter, a wrong type, a value out of range, a family that does not do the
    task. One line with file, line, key, value and what is allowed.
    """
    document = Document.read(path, overrides)
    model = document.content.get("model")
    if isinstance(model, dict) and model.get("params", {}) is None:
        model["params"] = {}
    params = document.params()
    where = f"{document.at(('model', 'family'))}: model.family"
    family = get(params.model.family, where)
    place = ("model", "params")
    document.check(family.Hyperparameters, params.model.params, place, f"model.family {family.name}")
    if params.data.task != "auto":
        check_task(family, params.data.task, where)
    return params


def hyperparameters(params: Params) -> Section:
    """Return the typed hyperparameters, defaults filled in, of parameters that `load_params` has checked."""
    return get(params.model.family).Hyperparameters.model_validate(params.model.params)


def check_task(family: Family, task: Task, where: str = "model.family") -> None:
    """Refuse a family that does not do the task; `where` opens the message. Raises LastroError: naming the families that do."""
    if task not in family.tasks:
        others = ", ".join(name for name in FAMILIES if task in get(name).tasks)
        fix = f"families that do: {others}"
        raise LastroError(f"{family.name!r} does not do {task}", where=where, fix=fix)
