"""One run per model, found by the model's digest."""

from __future__ import annotations

from mlflow.entities import Metric, Param, Run, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from lastro.operations.tracking.store import Store

MODEL = "lastro.model"
"""Tag: MD5 of the model file, as in dvc.lock."""
TRIAL = "lastro.trial"
"""Tag: true where `lastro train` made the run, and the pipeline has not made the same model since."""
TRAINED = "lastro.trained"
"""Tag, set last: the training is recorded whole."""
EVALUATED = "lastro.evaluated"
"""Tag, set last: digest of the evaluation that is recorded whole."""

MOST_METRICS, MOST_PARAMS, MOST_TAGS = 1000, 100, 100
"""What one log-batch request may hold."""


def is_trial(run: Run) -> bool:
    """Whether the run is a trial's, and so may be changed by whoever makes the same model again."""
    return run.data.tags.get(TRIAL) == "true"


def find_run(store: Store, model: str) -> Run | None:
    """The run of the model with this digest; the oldest where an interrupted retry left more than one."""
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


def find_or_create_run(store: Store, model: str, name: str, tags: dict[str, str], adopted: str | None) -> Run:
    """The one run of this model.

    Args:
        adopted: id of a run that autologging began; it becomes the model's run, or is deleted where there is one.
    """
    client = store.client
    run = find_run(store, model)
    if run is not None:
        if adopted and adopted != run.info.run_id:
            client.delete_run(adopted)
        return run
    if adopted:
        for key, value in {MODEL: model, "mlflow.runName": name, **tags}.items():
            client.set_tag(adopted, key, value)
        mine = client.get_run(adopted)
    else:
        mine = client.create_run(store.experiment.experiment_id, tags={MODEL: model, **tags}, run_name=name)
    # MLflow knows no uniqueness: ask again, and let the oldest win. Those of one time were made by one request, which the
    # client repeated because its answer was lost.
    first, *others = _find_runs(store, model) or [mine]
    for other in others:
        if other.info.start_time == mine.info.start_time:
            _delete(client, other.info.run_id)
    return client.get_run(first.info.run_id)


def _delete(client: MlflowClient, run_id: str) -> None:
    try:
        client.delete_run(run_id)
    except MlflowException as error:
        # Deleted meanwhile.
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise


def log_params(client: MlflowClient, run: Run, params: dict[str, str]) -> None:
    """Log those that the run does not have: MLflow refuses to change one, and the first to be logged made the model."""
    new = [Param(key, value[:6000]) for key, value in params.items() if key not in run.data.params]
    for start in range(0, len(new), MOST_PARAMS):
        client.log_batch(run.info.run_id, params=new[start : start + MOST_PARAMS])


def log_metrics(client: MlflowClient, run: Run, metrics: list[Metric]) -> None:
    """Log in as few requests as MLflow takes."""
    for start in range(0, len(metrics), MOST_METRICS):
        client.log_batch(run.info.run_id, metrics=metrics[start : start + MOST_METRICS])


def set_tags(client: MlflowClient, run: Run, tags: dict[str, str]) -> None:
    """Set or replace tags."""
    rows = [RunTag(key, value[:5000]) for key, value in tags.items()]
    for start in range(0, len(rows), MOST_TAGS):
        client.log_batch(run.info.run_id, tags=rows[start : start + MOST_TAGS])


def finish(client: MlflowClient, run: Run) -> None:
    """Mark the run as finished; a run that was restored by sync counts as finished when it was recorded."""
    try:
        client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.FINISHED))
    except MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
