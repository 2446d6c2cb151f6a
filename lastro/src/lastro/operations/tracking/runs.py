"""Find or create the one run of a model by the model's digest, and log to it."""

from __future__ import annotations

from mlflow.entities import Metric, Param, Run, RunStatus, RunTag, ViewType
from mlflow.tracking import MlflowClient

from lastro.operations.tracking.store import Store, ignored

MODEL = "lastro.model"
"""Tag: MD5 of the model file, as in dvc.lock."""
TRIAL = "lastro.trial"
"""Tag: true where `lastro train` made the run, and the pipeline has not made the same model since."""
TRAINED = "lastro.trained"
"""Tag, set last: the training is recorded whole."""
EVALUATED = "lastro.evaluated"
"""Tag, set last: digest of the evaluation that is recorded whole."""

DELETED = "INVALID_PARAMETER_VALUE"
"""MLflow's error for a change of a run that was deleted."""
MAXIMUM_ROWS = {"metrics": 1000, "params": 100, "tags": 100}
"""What one log-batch request may hold."""


def is_trial(run: Run) -> bool:
    """Return whether the run is a trial's, which whoever makes the same model again may change."""
    return run.data.tags.get(TRIAL) == "true"


def find_run(store: Store, model: str) -> Run | None:
    """Return the run of the model with this MD5; the oldest if an interrupted retry left several."""
    return next(iter(_find_runs(store, model)), None)


def _find_runs(store: Store, model: str) -> list[Run]:
    runs = store.client.search_runs(
        [store.experiment.experiment_id],
        f"tags.`{MODEL}` = '{model}'",
        ViewType.ACTIVE_ONLY,
        max_results=100,
        order_by=["attributes.start_time ASC"],
    )
    return sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))


def find_or_create_run(
    store: Store, model: str, name: str, tags: dict[str, str], autologged: str | None
) -> Run:
    """Return the one run of this model; create it if absent.

    Args:
        autologged: id of a run that autologging began; it becomes the model's run, or is deleted if there is one.
    """
    client = store.client
    run = find_run(store, model)
    if run is not None:
        if autologged and autologged != run.info.run_id:
            client.delete_run(autologged)
        return run
    if autologged:
        for key, value in {MODEL: model, "mlflow.runName": name, **tags}.items():
            client.set_tag(autologged, key, value)
        mine = client.get_run(autologged)
    else:
        mine = client.create_run(store.experiment.experiment_id, tags={MODEL: model, **tags}, run_name=name)
    # MLflow has no unique constraint: search again, and the oldest wins. Runs with the same start time were made by one
    # request that the client repeated because the answer was lost.
    first, *others = _find_runs(store, model) or [mine]
    for other in others:
        if other.info.start_time == mine.info.start_time:
            with ignored(DELETED):
                client.delete_run(other.info.run_id)
    return client.get_run(first.info.run_id)


def log_params(client: MlflowClient, run: Run, params: dict[str, str]) -> None:
    """Log the params that the run lacks: MLflow refuses to change one, and the first logged made the model."""
    new = [Param(key, value[:6000]) for key, value in params.items() if key not in run.data.params]
    _log(client, run, "params", new)


def log_metrics(client: MlflowClient, run: Run, metrics: list[Metric]) -> None:
    """Log metrics in as few requests as MLflow allows."""
    _log(client, run, "metrics", metrics)


def set_tags(client: MlflowClient, run: Run, tags: dict[str, str]) -> None:
    """Set or replace tags of the run."""
    _log(client, run, "tags", [RunTag(key, value[:5000]) for key, value in tags.items()])


def _log(client: MlflowClient, run: Run, kind: str, rows: list) -> None:
    size = MAXIMUM_ROWS[kind]
    for start in range(0, len(rows), size):
        client.log_batch(run.info.run_id, **{kind: rows[start : start + size]})


def finish(client: MlflowClient, run: Run) -> None:
    """Mark the run as finished; no error if it was deleted meanwhile."""
    with ignored(DELETED):
        client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.FINISHED))
