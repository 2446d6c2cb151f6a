"""What was measured: the links to the tracking run, its metrics and its verdict."""

from __future__ import annotations

from mlflow.entities import Run

from lastro.core import metric_names
from lastro.operations.registry import names
from lastro.operations.registry.client import Registry, Version
from lastro.operations.release.link import Link
from lastro.operations.tracking import runs

MOST_METRICS = 4


def run_link(registry: Registry, run: Run | None, version: Version | None, model: str | None) -> Link:
    """The tracking run."""
    if run is None:
        gone = (
            f"run {version.run_id}: is not in the tracking store"
            if version
            else "none is recorded for this model"
        )
        fix = f"mlflow runs restore --run-id {version.run_id}, or lastro sync" if version else "lastro sync"
        return Link("run", problem=f"{gone}; {fix}")
    run_id, tags = run.info.run_id, run.data.tags
    problem = None
    if tags.get(runs.MODEL) != model:
        problem = f"run {run_id}: was made by the model {tags.get(runs.MODEL)}, not {model}; lastro sync records this one"
    elif tags.get(runs.TRAINED) != "true":
        problem = f"run {run_id}: is incomplete; lastro sync"
    content = {"run": run_id, "name": run.info.run_name, "trial": runs.is_trial(run)}
    trial = "  (a trial: lastro train)" if content["trial"] else ""
    return Link("run", content, registry.store.address(run_id, run.info.run_name) + trial, problem=problem)


def metrics_link(run: Run | None) -> Link:
    """All metrics of the evaluation for programs, the first few for people."""
    values = run.data.metrics if run else {}
    content = {
        name: {"value": values[name], "low": values.get(f"{name}.low"), "high": values.get(f"{name}.high")}
        for name in sorted(values, key=_rank)
        if name in metric_names.METRICS
    }
    if not content:
        return Link("metrics", problem="the run has none; lastro sync" if run else None)
    shown = []
    for name, metric in list(content.items())[:MOST_METRICS]:
        low, high = metric["low"], metric["high"]
        interval = f" [{low:.6g}, {high:.6g}]" if low is not None and high is not None else ""
        shown.append(f"{name} {metric['value']:.6g}{interval}")
    return Link("metrics", content, shown[0], tuple(shown[1:]))


def verdict_link(run: Run | None, version: Version | None) -> Link:
    """What the gate said."""
    of_run = run.data.tags.get(names.VERDICT) if run else None
    of_version = version.tags.get(names.VERDICT) if version else None
    problem = None
    if run is not None and of_run is None:
        problem = "the run has none; lastro sync"
    elif version is not None and of_run and of_version != of_run:
        problem = f"the version says {of_version}, its run was evaluated as {of_run} since; lastro register"
    verdict = of_run or of_version
    return Link("verdict", verdict, verdict or "unknown", problem=problem)


def _rank(name: str) -> int:
    first = ("roc_auc", "roc_auc_ovr_macro", "r2")
    order = list(metric_names.METRICS)
    return -1 if name in first else order.index(name) if name in order else len(order)
