"""A registered model as a person sees it, and copies of one: made by requests, in less time than by the commands."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, Run, RunTag

from lastro.operations.registry import history, names
from lastro.operations.registry.client import Registry


def active_runs(registry: Registry) -> list[Run]:
    """The runs of its experiment, oldest first."""
    experiment = registry.store.experiment.experiment_id
    return registry.client.search_runs([experiment], order_by=["attributes.start_time ASC"])


def copy_runs(source: Registry, target: Registry, artifacts: Path) -> dict[str, str]:
    """Copy the runs, without the history of their metrics. artifacts: where the server keeps them.

    Returns:
        The id of each copy, by the id of what it was copied from.
    """
    ids = {}
    for run in active_runs(source):
        info, data = run.info, run.data
        copy = target.client.create_run(
            target.store.experiment.experiment_id, info.start_time, run_name=info.run_name
        )
        target.client.log_batch(
            copy.info.run_id,
            [Metric(key, value, info.start_time, 0) for key, value in data.metrics.items()],
            [Param(key, value) for key, value in data.params.items()],
            [RunTag(key, value) for key, value in data.tags.items()],
        )
        target.client.set_terminated(copy.info.run_id, info.status)
        shutil.copytree(folder_of(run, artifacts), folder_of(copy, artifacts))
        ids[info.run_id] = copy.info.run_id
    return ids


def copy_versions(source: Registry, target: Registry, ids: dict[str, str]) -> None:
    """Copy versions, aliases and tags; `ids` as `copy_runs` returns it."""
    for version in reversed(source.versions()):
        target.create(ids[version.run_id], version.tags, version.description)
    snapshot = source.snapshot()
    for alias, number in snapshot.aliases.items():
        target.set_alias(alias, number)
    for key, value in snapshot.tags.items():
        target.set_tag(key, value)


def folder_of(run: Run, artifacts: Path) -> Path:
    """Where the server keeps the run's artifacts."""
    return artifacts / run.info.artifact_uri.removeprefix("mlflow-artifacts:/")


def visible(registry: Registry, artifacts: Path) -> dict[str, Any]:
    """What a person sees of the registered model and of its runs, without times and random ids."""
    snapshot, runs = registry.snapshot(), active_runs(registry)
    entries = history.read_entries(snapshot)
    models = {run.info.run_id: run.data.tags["lastro.model"] for run in runs}
    return {
        "versions": [
            (version.number, models[version.run_id], version.tags, version.description)
            for version in registry.versions()
        ],
        "aliases": snapshot.aliases,
        "tags": {key: value for key, value in snapshot.tags.items() if not key.startswith(names.HISTORY)},
        "history": [entry.to_json() | {"when": None} for entry in entries],
        "unfinished": history.unfinished(registry, snapshot),
        "runs": [
            {
                "name": run.info.run_name,
                "status": run.info.status,
                "tags": run.data.tags,
                "params": run.data.params,
                "metrics": run.data.metrics,
                "points": points(registry, run),
                "data": [found.dataset.digest for found in run.inputs.dataset_inputs],
                "files": digests(folder_of(run, artifacts)),
            }
            for run in runs
        ],
    }


def points(registry: Registry, run: Run) -> dict[str, list[tuple[int, float]]]:
    """The history of a metric of the training and of one of the evaluation; the others are logged with them."""
    keys = sorted(run.data.metrics)
    chosen: Iterable[str] = {key.startswith("train."): key for key in keys}.values()
    return {
        key: [(point.step, point.value) for point in registry.client.get_metric_history(run.info.run_id, key)]
        for key in chosen
    }


def digests(folder: Path) -> dict[str, str]:
    """MD5 of each file; MLmodel without the id and the time that MLflow writes into it."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            if file.name == "MLmodel":
                content = re.sub(
                    rb"(?m)^(run_id|model_uuid|utc_time_created|artifact_path): .*$", b"", content
                )
            found[file.relative_to(folder).as_posix()] = hashlib.md5(content).hexdigest()
    return found
