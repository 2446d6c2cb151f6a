"""`tracking.mode: autolog`: MLflow's own autologging around the fit, in the stage's process.

What is always logged (`lastro.tracking.record`) comes beside it, into the same run.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow

from lastro.models.protocol import Family
from lastro.tracking.store import open_store


@dataclass
class AutologgedRun:
    """The run that autologging writes to; `id` is None where the server died meanwhile."""

    id: str | None


@contextmanager
def autologged(root: Path, family: Family) -> Iterator[AutologgedRun]:
    """Autologging of the family's flavour while the block runs. The model is not logged here: the recorder does.

    Raises:
        ExternalError: the store does not answer; nothing has been trained then.
    """
    store = open_store(root)
    module = importlib.import_module(f"mlflow.{family.flavor}")
    mlflow.set_experiment(experiment_id=store.experiment.experiment_id)
    created = store.client.create_run(store.experiment.experiment_id, tags={"lastro.autolog": "true"})
    run = AutologgedRun(created.info.run_id)
    module.autolog(log_models=False, log_datasets=False, silent=True)
    try:
        mlflow.start_run(run_id=run.id)
        yield run
    except BaseException:
        _end(run, "FAILED")
        raise
    else:
        _end(run, "FINISHED")
    finally:
        module.autolog(disable=True, silent=True)


def _end(run: AutologgedRun, status: str) -> None:
    try:
        mlflow.end_run(status)
    except Exception:
        # The server died during the fit: the result is worth more than its record, which sync rebuilds.
        run.id = None


def unmark(model: object) -> None:
    """Remove the run id that MLflow's autologging writes on a scikit-learn estimator: it would end up in the file."""
    vars(model).pop("_mlflow_run_id", None)
