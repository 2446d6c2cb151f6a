"""Run MLflow's autologging around the fit (`tracking.mode: autolog`), in the stage's process.

`lastro.operations.tracking.record` writes what is always logged into the same run.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import mlflow

from lastro.families import catalog
from lastro.families.protocol import Fitted
from lastro.operations.tracking.store import open_store


class Autolog:
    """Autologging of the family's flavour around one fit. The recorder logs the model, not this.

    Attributes:
        run_id: the run that autologging wrote to; None before the fit, or if the server died meanwhile.
    """

    def __init__(self, root: Path, family: str):
        self._root = root
        self._flavor = catalog.get(family).flavor
        self.run_id: str | None = None

    def around(self, fit: Callable[[], Fitted]) -> Fitted:
        """Fit with autologging switched on. Raises ExternalError: the store does not answer; nothing has been trained then."""
        store = open_store(self._root)
        module = importlib.import_module(f"mlflow.{self._flavor}")
        mlflow.set_experiment(experiment_id=store.experiment.experiment_id)
        created = store.client.create_run(store.experiment.experiment_id, tags={"lastro.autolog": "true"})
        self.run_id = created.info.run_id
        module.autolog(log_models=False, log_datasets=False, silent=True)
        try:
            mlflow.start_run(run_id=self.run_id)
            fitted = fit()
        except BaseException:
            self._end("FAILED")
            raise
        finally:
            module.autolog(disable=True, silent=True)
        self._end("FINISHED")
        # MLflow writes the run's id on a scikit-learn estimator; it would end up in the model file.
        vars(fitted.model).pop("_mlflow_run_id", None)
        return fitted

    def _end(self, status: str) -> None:
        try:
            mlflow.end_run(status)
        except Exception:
            # The server died during the fit: the result is worth more than its record, which sync rebuilds.
            self.run_id = None
