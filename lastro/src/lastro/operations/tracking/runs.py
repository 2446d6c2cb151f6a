"""Find or create the one run of a model by the model's digest."""

from __future__ import annotations

from mlflow.entities import Run, RunTag, ViewType

from lastro.operations.tracking.store import KIND, Store, ignored

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


def is_trial(run: Run) -> bool:
    """Return whether the run is a trial's, which whoever makes the same model again may change."""
    return run.data.tags.get(TRIAL) == "true"


def find_run(store: Store, model: str) -> Run | None:
    """Return the run of the model with this MD5; the oldest if an interrupted retry left several."""
    return next(iter(_find_runs(store, model)), None)


def _find_runs(store: Store, model: str) -> list[Run]:
    condition, order = f"tags.`{MODEL}` = '{model}'", ["attributes.start_time ASC"]
    runs = store.client.search_runs(
        [store.experiment.experiment_id], condition, ViewType.ACTIVE_ONLY, max_results=100, order_by=order
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
    # Not where the store is opened: who may only read opens it too.
    for key in KIND.keys() - store.experiment.tags.keys():
        client.set_experiment_tag(store.experiment.experiment_id, key, KIND[key])
    if autologged:
        set_tags(store, autologged, {MODEL: model, "mlflow.runName": name, **tags})
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


def set_tags(store: Store, run_id: str, tags: dict[str, str]) -> None:
    """Set or replace tags of the run in one request, cut at what every store takes."""
    store.client.log_batch(run_id, tags=[RunTag(key, value[:5000]) for key, value in tags.items()])


def finish(store: Store, run_id: str) -> None:
    """Mark the run as finished; no error if it was deleted meanwhile."""
    with ignored(DELETED):
        store.client.set_terminated(run_id, "FINISHED")
