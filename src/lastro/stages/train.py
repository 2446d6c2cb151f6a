"""Stage 2: fit one family on the prepared rows.

data/prepared/, params.yaml (data, model)  ->  models/
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lastro import models
from lastro.data.matrix import read_rows
from lastro.data.schema import Schema, read_schema
from lastro.errors import LastroError, exit_with_message
from lastro.files import write_json, write_whole
from lastro.metric_names import check_gate
from lastro.models.problem import problem_of
from lastro.models.protocol import Family, Fitted, Problem, Rows
from lastro.params.schema import Params
from lastro.paths import Paths
from lastro.stages.progress import progress_bar
from lastro.tracking.sidecar import Sidecar


def train(params: Params, paths: Paths, sidecar: Sidecar) -> None:
    """Write the model and its training record to `paths.model` and `paths.training`, and have the run recorded.

    Raises:
        LastroError: hyperparameters that the library refuses, a family that cannot serve the task, no prepared data,
            a training that diverges. Nothing that was there is touched then.
        ExternalError: the tracking server does not answer; nothing has been trained then.
    """
    schema = read_schema(paths.schema)
    family, settings, problem = (
        models.get(params.model.family),
        models.hyperparameters(params),
        problem_of(schema),
    )
    models.check_task(family, problem.task)
    # A gate that cannot judge this task is worth knowing before the training, not after it.
    check_gate(params.gate.metric, params.gate.limits, schema.task, len(schema.labels))
    family.check(settings, problem)
    autolog = params.tracking.mode == "autolog" and not sidecar.off
    sidecar.wait_until_ready(always=autolog)

    fit_rows, validation = read_training_rows(paths, schema, family)
    prior = training_prior(fit_rows.y, schema)
    rows = {"train": len(fit_rows.y), "validation": len(validation.y) if validation else 0}
    with progress_bar(params.model.family) as progress:
        if autolog:
            from lastro.tracking.autolog import autologged, unmark

            with autologged(paths.root, family) as run:
                fitted = family.fit(problem, fit_rows, validation, settings, progress)
                refuse_divergence(family.name, fitted.history)
            unmark(fitted.model)
            run_id = run.id
        else:
            fitted, run_id = family.fit(problem, fit_rows, validation, settings, progress), None
            refuse_divergence(family.name, fitted.history)
    write_outputs(params, paths, family, problem, fitted, rows, prior)
    sidecar.finish(run_id)


def read_training_rows(paths: Paths, schema: Schema, family: Family) -> tuple[Rows, Rows | None]:
    """Rows to fit on, and rows that stop the fit; a family that needs none of these is fitted on both."""
    fit_rows = read_rows(paths.train, schema)
    validation = read_rows(paths.validation, schema)
    if family.uses_validation:
        return Rows(*fit_rows), Rows(*validation)
    return Rows(*(np.concatenate(pair) for pair in zip(fit_rows, validation, strict=True))), None


def training_prior(y: np.ndarray, schema: Schema) -> list[float] | float:
    """Share of each class, or the mean: all that the dummy baseline knows.

    Raises:
        LastroError: numbers so large that they have no mean.
    """
    if schema.task == "regression":
        with np.errstate(over="ignore"):
            mean = float(y.mean())
        if not np.isfinite(mean):
            raise LastroError(
                f"data.target: the mean of column {schema.target.name!r} is {mean}; expected numbers that can be added up: "
                "scale the column"
            )
        return mean
    return (np.bincount(y, minlength=len(schema.labels)) / len(y)).tolist()


def refuse_divergence(family: str, history: dict[str, list[float]]) -> None:
    """Raises LastroError where a metric is no longer a finite number; JSON has no other."""
    for name, values in history.items():
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise LastroError(
                f"model: {family}: {name} is {values[bad[0]]} in round {bad[0] + 1} of {len(values)}: the training diverged; "
                "lower model.params.learning_rate, or scale a target of huge numbers"
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
    """The model in its native format, and what evaluate and MLflow need to know of its training.

    Raises:
        LastroError: the importance of a feature is not a finite number.
    """
    importance = family.importance(fitted.model, problem)
    if not np.isfinite(importance).all():
        raise LastroError(
            f"model: {family.name}: the weights of the features are no finite numbers: the training diverged; scale a target "
            "of huge numbers, or lower model.params.learning_rate where the family has it"
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


def main() -> None:
    paths = Paths.of(Path.cwd())
    params = models.load_params(paths.params)
    with Sidecar(paths, "train") as sidecar:
        train(params, paths, sidecar)


if __name__ == "__main__":
    exit_with_message(main)
