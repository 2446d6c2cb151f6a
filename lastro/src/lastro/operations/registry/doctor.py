"""Check the tracking store: answer, version, rights, and the round trip of a file."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from lastro.core.check import Check, failed, ok, warning, without_password
from lastro.core.errors import LastroError
from lastro.core.paths import page
from lastro.operations.lineage import lineage
from lastro.operations.lineage.dvc import file_md5
from lastro.operations.registry import names

NAME, VERSION, RIGHTS, FILES = "tracking", "tracking version", "tracking rights", "artifacts"
MODEL = "registered model"
PROBE = "lastro-doctor"
"""Tag of the one run that these checks reuse; it stays deleted in between."""


def examine(root: Path) -> Iterator[Check]:
    """Yield the checks of the store; see `lastro doctor`."""
    from lastro.operations.tracking.store import open_store

    try:
        store = open_store(root)
    except LastroError as error:
        yield failed(NAME, error.summary, error.fix)
        return
    embedded = store.uri.startswith("sqlite:")
    kind = "the embedded store" if embedded else "answers"
    yield ok(NAME, f"{without_password(store.uri)}: {kind}, experiment {store.experiment.name}")
    if store.uri.startswith("http"):
        yield _version(store.uri)
    yield from _round_trip(store)
    yield from _registered(root, store)


def _registered(root: Path, store: Any) -> Iterator[Check]:
    """Look at the version of the model in this checkout; nothing where it is not registered."""
    from lastro.operations.registry import artifact
    from lastro.operations.registry.client import Registry, one_line

    registry = Registry(store)
    try:
        with one_line(), tempfile.TemporaryDirectory() as folder:
            model = lineage.read(root).model
            for version in registry.find(model)[:1]:
                run = registry.run_of(version)
                artifact.fetch(run, model, Path(folder))
                if run.info.lifecycle_stage == "deleted":
                    what = f"run {run.info.run_id} of version {version.number} was deleted"
                    yield warning(
                        MODEL, what, f"lastro register --rev {version.tags.get(names.COMMIT, 'HEAD')}"
                    )
                else:
                    yield ok(MODEL, f"version {version.number} holds the model of dvc.lock")
    except LastroError as error:
        yield failed(MODEL, error.summary, error.fix)


def _version(uri: str) -> Check:
    import mlflow
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request
    from packaging.version import Version

    here = mlflow.__version__
    try:
        answer = http_request(get_default_host_creds(uri), "/version", "GET", max_retries=0, timeout=10)
        found = answer.text.strip()
        older = Version(found) < Version(here)
    except Exception:
        return ok(VERSION, "unknown: this is not an MLflow server (Azure ML, Databricks)")
    if found.split(".")[:2] == here.split(".")[:2]:
        return ok(VERSION, f"{found}, the client {here}")
    fix = f"upgrade the server, {page('server.md')} tells how" if older else "make lock, make setup"
    return warning(VERSION, f"{found}, but the client is {here}", fix)


def _round_trip(store) -> Iterator[Check]:
    """Create a run, upload a file, download it, and delete both."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    from lastro.operations.registry.artifact import download
    from lastro.operations.tracking.store import describe

    client = store.client
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    token = "a token" if os.environ.get("MLFLOW_TRACKING_TOKEN") else "no user"
    who = f"user {user}" if user else token
    try:
        run_id = _probe_run(store)
    except Exception as error:
        fix = "give this user EDIT permission on the experiment, or set MLFLOW_TRACKING_USERNAME and _PASSWORD of one who has"
        yield failed(RIGHTS, f"{who} may not write runs: {describe(error)}", fix)
        return
    yield ok(RIGHTS, f"{who} may write runs")
    folder = f"doctor-{uuid.uuid4().hex}"
    step = "upload"
    try:
        with tempfile.TemporaryDirectory() as name:
            sent = Path(name) / "probe.bin"
            sent.write_bytes(os.urandom(64 * 1024))
            client.log_artifact(run_id, str(sent), folder)
            step = "download"
            back = download(client.get_run(run_id), f"{folder}/probe.bin", Path(name) / "back")
            if file_md5(back) != file_md5(sent):
                raise OSError("other bytes came back than were sent")
        yield ok(FILES, "uploaded, downloaded, cleaned up")
    except Exception as error:
        fix = "see the server's --artifacts-destination and its log"
        yield failed(FILES, f"cannot {step}: {describe(error)}", fix)
    finally:
        # A store that cannot delete files keeps 64 KiB in a deleted run.
        with suppress(Exception):
            get_artifact_repository(client.get_run(run_id).info.artifact_uri).delete_artifacts(folder)
        with suppress(Exception):
            client.delete_run(run_id)


def _probe_run(store) -> str:
    """Restore the run of the last time, so that deleted runs do not pile up, or create it."""
    from mlflow.entities import ViewType
    from mlflow.exceptions import MlflowException

    client, experiment = store.client, store.experiment.experiment_id
    with suppress(MlflowException):
        old = client.search_runs(
            [experiment], f"tags.`{PROBE}` = 'true'", ViewType.DELETED_ONLY, max_results=1
        )
        if old:
            client.restore_run(old[0].info.run_id)
            return old[0].info.run_id
    run = client.create_run(experiment, tags={PROBE: "true"}, run_name="lastro doctor")
    return run.info.run_id
