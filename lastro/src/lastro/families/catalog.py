"""The model families. To add one: write its file, whose FAMILY implements the protocol, and name it here."""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from typing import Any

from lastro.core.document import Document
from lastro.core.errors import LastroError
from lastro.core.params import Params, Section
from lastro.families.protocol import Family, Task

FAMILIES = {
    "xgboost": "lastro.families.xgboost",
    "logistic_regression": "lastro.families.logistic_regression",
    "random_forest": "lastro.families.random_forest",
    "hist_gradient_boosting": "lastro.families.hist_gradient_boosting",
    "elastic_net": "lastro.families.elastic_net",
}


def get(name: str) -> Family:
    """Import the family called `name`.

    Raises:
        LastroError: there is none; the message suggests the nearest and lists all.
    """
    if name not in FAMILIES:
        raise _unknown(name, "model.family")
    return importlib.import_module(FAMILIES[name]).FAMILY


def load_params(path: Path, overrides: dict[str, Any] | None = None) -> Params:
    """Read params.yaml and check all of it, hyperparameters included, without importing a library.

    `overrides` maps a dotted key to a value laid over what the file says; `model.params: null` is an empty
    section.

    Raises:
        LastroError: an unknown key, family or hyperparameter, a wrong type, a value out of range, a family that
            does not do the task. One line with file, line, key, value and what is allowed.
    """
    document = Document.read(path, overrides)
    model = document.content.get("model")
    if isinstance(model, dict) and model.get("params", {}) is None:
        model["params"] = {}
    params = document.params()
    where = f"{document.at(('model', 'family'))}: model.family"
    if params.model.family not in FAMILIES:
        raise _unknown(params.model.family, where)
    family = get(params.model.family)
    document.check(
        family.Hyperparameters, params.model.params, ("model", "params"), f"model.family {family.name}"
    )
    if params.data.task != "auto":
        check_task(family, params.data.task, where)
    return params


def hyperparameters(params: Params) -> Section:
    """Return the typed hyperparameters, defaults filled in, of parameters that `load_params` has checked."""
    return get(params.model.family).Hyperparameters.model_validate(params.model.params)


def check_task(family: Family, task: Task, where: str = "model.family") -> None:
    """Refuse a family that does not do the task; `where` opens the message.

    Raises:
        LastroError: naming the families that do.
    """
    if task not in family.tasks:
        others = ", ".join(name for name in FAMILIES if task in get(name).tasks)
        raise LastroError(
            f"{family.name!r} does not do {task}", where=where, fix=f"families that do: {others}"
        )


def _unknown(name: str, where: str) -> LastroError:
    near = difflib.get_close_matches(name, FAMILIES, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return LastroError(f"{name!r} is not a family", where=where, fix=f"{hint}allowed: {', '.join(FAMILIES)}")
