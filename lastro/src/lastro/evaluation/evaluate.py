"""Stage 3: predict the held-out rows once, and derive all else from the predictions.

data/prepared/, models/, params.yaml (evaluation, gate)  ->  reports/
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

from lastro.core.errors import readable
from lastro.core.files import read_json, write_json, write_whole
from lastro.core.params import Params
from lastro.core.paths import Paths
from lastro.evaluation.curves import curves
from lastro.evaluation.gate import Verdict, judge
from lastro.evaluation.metrics import Resampled
from lastro.evaluation.predictions import Predictions
from lastro.evaluation.summary import model_card, summarise
from lastro.evaluation.text import rounded
from lastro.families import catalog
from lastro.families.protocol import Problem
from lastro.tables.groups import group_names
from lastro.tables.matrix import read_columns, read_rows
from lastro.tables.schema import KEY, Schema, read_schema


def evaluate(params: Params, paths: Paths) -> tuple[dict[str, Any], Verdict]:
    """Write predictions, metrics with intervals, slices, plot data, verdict and model card below `paths.reports`.

    A verdict of no is a result: the stage succeeds, `lastro check` obeys it. Returns the evaluation and the verdict.

    Raises:
        LastroError: no model or data, a metric in `gate` that the task does not have.
    """
    schema = read_schema(paths.schema)
    training = read_training(paths.training)
    predictions = predict_test_rows(params, paths, schema)
    prior = training["prior"]
    resampled = Resampled.of(predictions, params.evaluation)
    evaluation = summarise(resampled, prior, params.evaluation)
    verdict = judge(predictions, params.gate, params.evaluation, prior, resampled=resampled)

    paths.reports.mkdir(parents=True, exist_ok=True)
    predictions.write(paths.predictions)
    write_json(paths.evaluation, evaluation)
    write_json(paths.metrics, {name: metric["value"] for name, metric in evaluation["metrics"].items()})
    write_json(paths.verdict, verdict.to_json())
    write_plots(paths.plots, {**curves(predictions), **training_plots(training)})
    write_whole(paths.model_card, model_card(params, schema, training, evaluation, verdict))
    return evaluation, verdict


def predict_test_rows(params: Params, paths: Paths, schema: Schema) -> Predictions:
    """Predict every held-out row with the model."""
    family = catalog.get(params.model.family)
    with readable(paths.model, "run dvc repro"):
        model = family.from_bytes(paths.model.read_bytes())
    X, truth = read_rows(paths.test, schema)
    columns = read_columns(paths.test, [KEY, *params.evaluation.slices])
    return Predictions(
        task=schema.task,
        labels=schema.labels,
        keys=columns[KEY].to_numpy(),
        truth=truth,
        scores=family.predict(model, X, Problem.of(schema)),
        slices={name: group_names(columns[name]) for name in params.evaluation.slices},
    )


def read_training(path: Path) -> dict[str, Any]:
    """Read the record that train wrote."""
    return read_json(path, "run dvc repro")


def training_plots(training: dict[str, Any]) -> dict[str, list[dict]]:
    """Tabulate the learning curve (one row per iteration and part) and the importance of the features, largest first."""
    importance = sorted(training["importance"].items(), key=lambda item: (-item[1], item[0]))
    curve = []
    for name, values in training["history"].items():
        part, _, metric = name.partition("-")
        curve += [
            {"iteration": iteration, "part": part, "metric": metric, "value": value}
            for iteration, value in enumerate(values)
        ]
    shown = [{"feature": name, "importance": rounded(value)} for name, value in importance[:MAXIMUM_FEATURES]]
    return {"importance": shown, "learning_curve": curve}


MAXIMUM_FEATURES = 50
COLUMNS = {
    "roc": ["false_positive_rate", "true_positive_rate", "threshold"],
    "precision_recall": ["recall", "precision", "threshold"],
    "calibration": ["predicted", "observed", "rows"],
    "confusion": ["actual", "predicted", "rows"],
    "predicted_vs_actual": ["actual", "predicted"],
    "residuals": ["low", "high", "rows"],
    "learning_curve": ["iteration", "part", "metric", "value"],
    "importance": ["feature", "importance"],
}
"""The plots that dvc.yaml names; one that the task does not have is a file with a header only, which DVC skips."""


def write_plots(folder: Path, plots: dict[str, list[dict]]) -> None:
    """Write one CSV for each plot that dvc.yaml names, in a folder that holds no other."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, columns in COLUMNS.items():
        rows = plots.get(name, [])
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]) if rows else columns)
            writer.writeheader()
            writer.writerows(rows)
