"""Record a run from the stages' outputs: right after a stage, or at any later time (`lastro sync`)."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Literal

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run
from mlflow.exceptions import MlflowException

from lastro.core.errors import LastroError, readable
from lastro.core.files import read_json
from lastro.core.params import Params
from lastro.core.paths import Paths
from lastro.core.yaml12 import flatten
from lastro.families.catalog import hyperparameters, load_params
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.dvc import digest_of, file_md5
from lastro.operations.tracking import runs
from lastro.operations.tracking.model_folder import write_model_folder
from lastro.operations.tracking.store import Store, ignored
from lastro.tables.schema import Schema, read_schema

ATTEMPTS = 5
_FIX = "run dvc repro, dvc checkout or dvc pull"


def warm_up(paths: Paths, stage: str) -> None:
    """Import what recording needs while the stage still works."""
    if stage == "train":
        from lastro.operations.tracking.model_folder import import_flavor

        import_flavor(load_params(paths.params).model.family)
    else:
        from lastro.operations.tracking import figures  # noqa: F401


def record(
    store: Store,
    paths: Paths,
    stage: Literal["train", "evaluate"],
    autologged: str | None = None,
    trial: bool = False,
) -> str:
    """Record the stage's outputs that the run lacks, and return where a person finds the run.

    A trial's run becomes the pipeline's when the pipeline makes the same model; a trial never changes the pipeline's.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            run = _record_training(store, paths, autologged, trial)
            kept = stage == "evaluate" and trial and not runs.is_trial(run)
            if stage == "evaluate" and not kept:
                _record_evaluation(store, paths, run)
        except MlflowException:
            # Of two recorders of one model at once the store refuses the second; all writes are idempotent, so it retries.
            if not left:
                raise
            continue
        first = runs.find_run(store, run.data.tags[runs.MODEL])
        if first is None or first.info.run_id == run.info.run_id:
            break
        # An older run became visible meanwhile: the oldest is the model's run.
        store.client.delete_run(run.info.run_id)
    where = store.address(run.info.run_id, run.info.run_name)
    return f"{where} (the pipeline's run of this model, which keeps its own evaluation)" if kept else where


def _record_training(store: Store, paths: Paths, autologged: str | None, trial: bool) -> Run:
    training = read_json(paths.training, _FIX)
    params = Params.model_validate({"name": store.experiment.name, **training["params"]})
    schema = read_schema(paths.schema)
    model = file_digest(paths.model)
    name = f"{params.model.family}-{model[:8]}"
    source = {
        "mlflow.source.name": "lastro train" if trial else "dvc repro",
        "mlflow.user": git.who(paths.root),
    }
    run = runs.find_or_create_run(store, model, name, source, autologged)
    if run.data.tags.get(runs.TRAINED) == "true" and (trial or not runs.is_trial(run)):
        return run
    client, run_id = store.client, run.info.run_id
    try:
        commit, dirty = git.state(paths.root)
    except LastroError:
        # A new folder has no commit yet.
        commit, dirty = None, True
    data = digest_of(paths.prepared)
    tags = {
        "lastro.data": data,
        "lastro.params": lineage.params_digest(training["params"]),
        "lastro.family": params.model.family,
        "lastro.task": schema.task,
        "lastro.dirty": str(dirty).lower(),
        **source,
    }
    key = str(params.data.key)
    if run.data.params.get("data.key", key) != key:
        # A trial named its rows otherwise, and no param can be changed: the data stays that in which its key is right.
        del tags["lastro.data"]
    if commit:
        tags |= {"lastro.commit": commit, "mlflow.source.git.commit": commit}
    runs.set_tags(store, run_id, tags)
    # Only what the run lacks: MLflow refuses to change a param, and the first logged made the model.
    missing = {key: value for key, value in _flatten(params).items() if key not in run.data.params}
    client.log_batch(run_id, params=[Param(key, value[:6000]) for key, value in missing.items()])
    log_dataset(store, run_id, params, schema, data, training["rows"])
    with tempfile.TemporaryDirectory() as folder:
        write_model_folder(Path(folder) / "model", paths, params, schema)
        client.log_artifacts(run_id, str(Path(folder) / "model"), "model")
    client.log_artifact(run_id, str(paths.training), "training")
    client.log_artifact(run_id, str(paths.schema), "training")
    # After the model: MLflow reads a run's metrics back when a model is logged. The time of each point is the run's
    # start, so a repeated call writes the very same points.
    points = [
        Metric(f"train.{metric}", value, run.info.start_time, step)
        for metric, values in training["history"].items()
        for step, value in enumerate(values)
    ]
    if training["best_iteration"] is not None:
        points.append(Metric("train.best_iteration", training["best_iteration"], run.info.start_time, 0))
    client.log_batch(run_id, points)
    runs.set_tags(store, run_id, {runs.TRIAL: str(trial).lower(), runs.TRAINED: "true"})
    runs.finish(store, run_id)
    return client.get_run(run_id)


def _record_evaluation(store: Store, paths: Paths, run: Run) -> None:
    files = [getattr(paths, name) for name in lineage.REPORTS]
    digest = lineage.evaluation_digest(map(file_digest, files))
    recorded = run.data.tags.get(runs.EVALUATED)
    if recorded == digest:
        return
    from lastro.operations.tracking.figures import write_figures

    client, run_id, now = store.client, run.info.run_id, int(time.time() * 1000)
    evaluation, verdict = read_json(paths.evaluation, _FIX), read_json(paths.verdict, _FIX)
    if recorded:
        # Set, not deleted: of two who delete a tag at once the second fails.
        runs.set_tags(store, run_id, {runs.EVALUATED: "begun"})
    for file in files:
        client.log_artifact(run_id, str(file), "evaluation")
    for plot in sorted(paths.plots.glob("*.csv")):
        if plot.read_bytes().count(b"\n") > 1:
            client.log_artifact(run_id, str(plot), "evaluation/plots")
    with tempfile.TemporaryDirectory() as folder:
        write_figures(paths.plots, Path(folder))
        client.log_artifacts(run_id, folder, "plots")
    points = []
    for name, metric in evaluation["metrics"].items():
        for suffix, key in (("", "value"), (".low", "low"), (".high", "high"), (".baseline", "baseline")):
            # A point has its time: logged again it would be another one.
            if metric[key] is not None and run.data.metrics.get(name + suffix) != metric[key]:
                points.append(Metric(name + suffix, metric[key], now, 0))
    client.log_batch(run_id, points)
    said = "pass" if verdict["passed"] else "fail"
    runs.set_tags(store, run_id, {"lastro.verdict": said, runs.EVALUATED: digest})
    runs.finish(store, run_id)


def log_dataset(
    store: Store, run_id: str, params: Params, schema: Schema, digest: str, rows: dict[str, int]
) -> None:
    """Record the data set with its digest; skipped by a store that has no such endpoint."""
    columns = [{"name": c.name, "type": c.kind, "required": not c.nullable} for c in schema.features]
    dataset = Dataset(
        name=Path(params.data.source).name,
        digest=digest,
        source_type="local",
        source=json.dumps({"uri": params.data.source}),
        schema=json.dumps({"columns": columns})[:60_000],
        profile=json.dumps({"num_rows": sum(rows.values()), **rows}),
    )
    inputs = [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
    with ignored("ENDPOINT_NOT_FOUND", "RESOURCE_DOES_NOT_EXIST", "NOT_IMPLEMENTED"):
        store.client.log_inputs(run_id, inputs)


def _flatten(params: Params) -> dict[str, str]:
    """Return what made the model by dotted name; hyperparameters with their defaults."""
    flat = flatten({"data": params.data.model_dump(), "model": {"family": params.model.family}})
    # Not deeper: the keys of a hyperparameter that is a dict are columns, which MLflow refuses in a name.
    flat |= {f"model.params.{name}": value for name, value in hyperparameters(params).model_dump().items()}
    return {
        name: json.dumps(value) if isinstance(value, list | dict) else str(value)
        for name, value in flat.items()
        if value != {} or name.startswith("model.params.")
    }


def file_digest(path: Path) -> str:
    """Return the MD5 of a file, as dvc.lock records it; LastroError if it cannot be read."""
    with readable(path, _FIX):
        return file_md5(path)
