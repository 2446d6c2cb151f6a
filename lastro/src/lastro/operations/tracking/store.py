"""Open the MLflow store that runs are written to."""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lastro.core.check import without_password
from lastro.core.errors import ExternalError, LastroError

# MLflow's defaults wait four minutes for a server that is down. A person's own settings come first.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException

from lastro.families.catalog import load_params
from lastro.operations.lineage.dvc import first_line
from lastro.operations.tracking import address

MIGRATIONS = Path(mlflow.__file__).parent / "store" / "db_migrations" / "versions"
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tag of an experiment: which of its pages MLflow opens. Without it, those of traces of language models."""
PATIENCE = 5
"""Seconds to wait for the first answer, without a retry: a person knows within ten, MLflow's import included."""


@dataclass(frozen=True)
class Store:
    """An open store and the repository's experiment in it."""

    uri: str
    client: MlflowClient
    experiment: Experiment

    def address(self, run_id: str, name: str) -> str:
        """Return where a person finds the run."""
        if self.uri.startswith("http"):
            base = without_password(self.uri).rstrip("/")
            return f"{base}/#/experiments/{self.experiment.experiment_id}/runs/{run_id}"
        return f"{name} ({run_id}) in the experiment {self.experiment.name} of {without_password(self.uri)}; `make ui` shows it"


def open_store(root: Path, patience: int = PATIENCE) -> Store:
    """Connect, and find or create the experiment of params.yaml; ExternalError without an answer in `patience` seconds."""
    for noisy in ("alembic", "mlflow.store", "mlflow.tracking"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    name = load_params(root / "params.yaml").name
    uri, database = address.tracking_uri(root), address.database_of(root)
    embedded = uri == f"sqlite:///{database}"
    if uri.startswith(address.LOCAL):
        # MLflow refuses its old file store unless this is set.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(uri)
    once = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": str(patience)}
    later = {name: os.environ[name] for name in once}
    os.environ |= once
    try:
        if embedded:
            address.bring_home(database)
        client = MlflowClient(uri)
        folder = (database.parent / address.FOLDER).as_uri() if embedded else None
        experiment = client.get_experiment_by_name(name) or _create(client, name, folder)
    except LastroError:
        raise
    except Exception as error:
        fix = "start the server or correct MLFLOW_TRACKING_URI; unset it to track in this clone"
        # With the spaces: a port or an id may hold these digits too.
        if any(sign in str(error) for sign in (" 401 ", " 403 ", "Unauthorized")):
            fix = "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        problem = describe(error)
        if found := re.search(r"out-of-date database schema \(found version (\w+)", str(error)):
            problem, fix = (
                "another version of MLflow made its tables",
                f"back it up, then mlflow db upgrade {uri}",
            )
            # An older version's are known to this one.
            if not any(MIGRATIONS.glob(f"{found[1]}*")):
                fix = "install the newer MLflow (make update); or move the database away and lastro register"
        raise ExternalError(problem, where=without_password(uri), fix=fix) from None
    finally:
        os.environ |= later
    if experiment.lifecycle_stage != "active":
        command = f"mlflow experiments restore --experiment-id {experiment.experiment_id}"
        fix = f"{address.VARIABLE}={shlex.quote(uri)} {command}" if embedded else command
        raise ExternalError(f"experiment {name} is deleted", where=without_password(uri), fix=fix)
    return Store(uri, client, experiment)


@contextmanager
def ignored(*codes: str) -> Iterator[None]:
    """Ignore MLflow's errors with these codes in the block."""
    try:
        yield
    except MlflowException as error:
        if error.error_code not in codes:
            raise


def _create(client: MlflowClient, name: str, folder: str | None) -> Experiment:
    # Somebody may have created it meanwhile.
    with ignored("RESOURCE_ALREADY_EXISTS"):
        return client.get_experiment(client.create_experiment(name, artifact_location=folder, tags=KIND))
    return client.get_experiment_by_name(name)


def describe(error: Exception) -> str:
    """Return the innermost reason of an exception, in one line without passwords."""
    reason: BaseException = error
    if "timed out" in str(error):
        return "no answer in time"
    if "RemoteDisconnected" in str(error) or "Connection reset" in str(error):
        return "the connection ended without an answer"
    while reason.__cause__ or reason.__context__:
        reason = reason.__cause__ or reason.__context__
    told = isinstance(error, MlflowException) and "Max retries" not in str(error)
    line = first_line(error if told else reason)
    return re.sub(r"://[^/\s]+@", "://", line)[:300]
