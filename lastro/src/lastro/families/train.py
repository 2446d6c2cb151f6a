"""Stage 2: fit one family on the prepared rows.

data/prepared/, params.yaml (data, model)  ->  models/
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from lastro.core.errors import LastroError
from lastro.core.files import write_json, write_whole
from lastro.core.metric_names import check_gate
from lastro.core.params import Params
from lastro.core.paths import Paths
from lastro.families import catalog
from lastro.families.protocol import Family, Fitted, Problem, Progress, Rows
from lastro.tables.matrix import read_rows
from lastro.tables.schema import Schema, read_schema


def train(
    params: Params, paths: Paths, around: Callable[[Callable[[], Fitted]], Fitted] = lambda fit: fit()
) -> None:
    """Write the model and its training record to `paths.model` and `paths.training`.

    around: calls the function that it is given, which fits, and returns what that returns; MLflow's autologging goes here.
    Raises LastroError: hyperparameters that the library refuses, a family that cannot serve the task, no prepared data, a
    training that diverges. Nothing that was there is touched then.
    """
    schema = read_schema(paths.schema)
    family, problem = catalog.get(params.model.family), Problem.of(schema)
    settings = catalog.hyperparameters(params)
    catalog.check_task(family, problem.task)
    # A gate that cannot judge this task is worth knowing before the training, not after it.
    check_gate(params.gate.metric, params.gate.limits, schema.task, len(schema.labels))
    family.check(settings, problem)

    fit_rows, validation = read_training_rows(paths, schema, family)
    prior = training_prior(fit_rows.y, schema)
    rows = {"train": len(fit_rows.y), "validation": len(validation.y) if validation else 0}
    with progress_bar(params.model.family) as progress:

        def fit() -> Fitted:
            fitted = family.fit(problem, fit_rows, validation, settings, progress)
            refuse_divergence(family.name, fitted.history)
            return fitted

        fitted = around(fit)
    write_outputs(params, paths, family, problem, fitted, rows, prior)


@contextmanager
def progress_bar(title: str) -> Iterator[Progress | None]:
    """Show a bar with the metrics of the round on a terminal; give None, so that nothing is called, elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=title, unit="round") as bar:

        def show(iteration: int, total: int, metrics: dict[str, float]) -> None:
            bar.total = total
            bar.set_postfix({name: f"{value:.5g}" for name, value in metrics.items()}, refresh=False)
            bar.update(iteration + 1 - bar.n)

        yield show


def read_training_rows(paths: Paths, schema: Schema, family: Family) -> tuple[Rows, Rows | None]:
    """Read the rows to fit on and those that stop the fit; a family that needs none of these is fitted on both."""
    fit_rows = read_rows(paths.train, schema)
    validation = read_rows(paths.validation, schema)
    if family.uses_validation:
        return Rows(*fit_rows), Rows(*validation)
    return Rows(*(np.concatenate(pair) for pair in zip(fit_rows, validation, strict=True))), None


def training_prior(y: np.ndarray, schema: Schema) -> list[float] | float:
    """Compute the share of each class, or the mean: all that the dummy baseline knows.

    Raises LastroError: numbers so large that they have no mean.
    """
    if schema.task == "regression":
        with np.errstate(over="ignore"):
            mean = float(y.mean())
        if not np.isfinite(mean):
            raise LastroError(
                f"the mean of column {schema.target.name!r} is {mean}",
                where="data.target",
                fix="expected numbers that can be added up: scale the column",
            )
        return mean
    return (np.bincount(y, minlength=len(schema.labels)) / len(y)).tolist()


def refuse_divergence(family: str, history: dict[str, list[float]]) -> None:
    """Refuse a training with a metric that is not a finite number; JSON has no other."""
    for name, values in history.items():
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise LastroError(
                f"{name} is {values[bad[0]]} in round {bad[0] + 1} of {len(values)}: the training diverged",
                where=f"model: {family}",
                fix="lower model.params.learning_rate, or scale a target of huge numbers",
            )


def write_outputs(
    params: Params,
    paths: Paths,
    family: Family,
    problem: Problem,
    fitted: Fitted,
    rows: dict[str, int],
    prior: list[float] | float,
) -> None:
    """Write the model in its native format, and the record of its training for evaluate and MLflow.

    Raises LastroError: the importance of a feature is not a finite number.
    """
    importance = family.importance(fitted.model, problem)
    if not np.isfinite(importance).all():
        raise LastroError(
            "the weights of the features are no finite numbers: the training diverged",
            where=f"model: {family.name}",
            fix="scale a target of huge numbers, or lower model.params.learning_rate where the family has it",
        )
    record = {
        # What the file says, without defaults: the digest of the same text in any commit is the same.
        "params": params.model_dump(include={"data", "model"}, exclude_unset=True),
        "rows": rows,
        "prior": prior,
        "best_iteration": fitted.best_iteration,
        "importance": dict(zip(problem.features, importance.tolist(), strict=True)),
        "history": fitted.history,
    }
    write_whole(paths.model, family.to_bytes(fitted.model))
    write_json(paths.training, record)
