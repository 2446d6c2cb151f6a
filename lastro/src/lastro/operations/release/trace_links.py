"""Make each link of a chain: what it holds, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from lastro.core import metric_names
from lastro.core.errors import ExternalError, LastroError
from lastro.core.yaml12 import flatten, load_mapping
from lastro.operations.lineage import git
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import history, names
from lastro.operations.registry.client import Registry, Snapshot, Version
from lastro.operations.registry.history import Entry
from lastro.operations.tracking import runs

MAXIMUM_METRICS = 4
"""Metrics that are shown to people."""


@dataclass(frozen=True)
class Link:
    """One link of a chain.

    Attributes:
        content: for programs; None if there is nothing.
        text: the first line, for people.
        lines: what is shown below it.
        problem: why the chain is broken here, with the fix.
    """

    name: str
    content: Any = None
    text: str = ""
    lines: tuple[str, ...] = ()
    problem: str | None = None


def commit_link(
    root: Path, commit: str | None, found: Lineage | None, model: str | None, problem: str | None
) -> Link:
    """Return the commit whose dvc.lock names the model."""
    if commit is None:
        return Link("commit", problem=problem)
    if found is not None and model is not None and found.model != model:
        problem = (
            f"dvc.lock at {commit[:12]} names the model {found.model}, not {model}; the tag or label that joins them was "
            "changed by hand"
        )
    subject = git.subject(root, commit)
    text = f"{commit[:12]}  {subject}".rstrip()
    return Link("commit", {"commit": commit, "subject": subject}, text, problem=problem)


def data_link(found: Lineage | None, version: Version | None, run: Run | None) -> Link:
    """Return the digest of the prepared data."""
    digest, problem = _digest(found, found and found.data, names.DATA, version, run)
    return Link("data", digest, digest or "unknown", problem=problem)


def params_link(root: Path, found: Lineage | None, version: Version | None, run: Run | None) -> Link:
    """Return the digest of the parameters that shape the model, and the parameters."""
    digest, problem = _digest(found, found and found.params, names.PARAMS, version, run)
    if found is not None:
        text = git.show(root, found.commit, "params.yaml")
        content = load_mapping(text.encode(), "params.yaml", "fix it")
        values = flatten({key: content[key] for key in ("data", "model") if key in content})
    else:
        values = dict(sorted(run.data.params.items())) if run else {}
    width = max(map(len, values), default=0)
    lines = tuple(f"{name:<{width}}  {value}" for name, value in values.items())
    return Link("params", {"digest": digest, "values": values}, digest or "unknown", lines, problem)


def _digest(
    found: Lineage | None, digest: str | None, tag: str, version: Version | None, run: Run | None
) -> tuple[str | None, str | None]:
    """Return the commit's digest, or else the version's or the run's; and what contradicts it.

    Another commit may come to the same model with other data or parameters, which is no contradiction.
    """
    registered = version.tags.get(tag) if version else None
    problem = None
    if digest and registered and digest != registered and version.tags.get(names.COMMIT) == found.commit:
        problem = f"the version's tag {tag} is {registered}; it was changed by hand"
    return digest or registered or (run.data.tags.get(tag) if run else None), problem


def run_link(registry: Registry, run: Run | None, version: Version | None, model: str | None) -> Link:
    """Return the tracking run."""
    if run is None and version:
        gone = f"run {version.run_id}: is not in the tracking store"
        return Link("run", problem=f"{gone}; mlflow runs restore --run-id {version.run_id}, or lastro sync")
    if run is None:
        return Link("run", problem="none is recorded for this model; lastro sync")
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
    """Return all metrics of the evaluation for programs, the first few for people."""
    values = run.data.metrics if run else {}
    # The usual primary metrics first.
    order = sorted(metric_names.METRICS, key=lambda name: name not in ("roc_auc", "roc_auc_ovr_macro", "r2"))
    content = {
        name: {"value": values[name], "low": values.get(f"{name}.low"), "high": values.get(f"{name}.high")}
        for name in order
        if name in values
    }
    if not content:
        return Link("metrics", problem="the run has none; lastro sync" if run else None)
    shown = []
    for name, metric in list(content.items())[:MAXIMUM_METRICS]:
        low, high = metric["low"], metric["high"]
        interval = f" [{low:.6g}, {high:.6g}]" if low is not None and high is not None else ""
        shown.append(f"{name} {metric['value']:.6g}{interval}")
    return Link("metrics", content, shown[0], tuple(shown[1:]))


def verdict_link(run: Run | None, version: Version | None) -> Link:
    """Return the verdict of the gate."""
    of_run = run.data.tags.get(names.VERDICT) if run else None
    of_version = version.tags.get(names.VERDICT) if version else None
    problem = None
    if run is not None and of_run is None:
        problem = "the run has none; lastro sync"
    elif version is not None and of_run and of_version != of_run:
        problem = f"the version says {of_version}, its run was evaluated as {of_run} since; lastro register"
    verdict = of_run or of_version
    return Link("verdict", verdict, verdict or "unknown", problem=problem)


def version_link(
    registry: Registry,
    version: Version | None,
    several: list[Version],
    commit: str | None,
    snapshot: Snapshot,
) -> Link:
    """Return the registered version. several: all versions of the model."""
    again = "lastro register" + (f" --rev {commit[:12]}" if commit else "")
    if version is None:
        return Link("version", problem=f"none is registered for this model; {again}")
    problem = None
    if len(several) > 1:
        numbers = ", ".join(str(other.number) for other in several)
        problem = f"the model is registered as versions {numbers}, expected one; {again}"
    elif version.tags.get(names.MODEL) is None:
        problem = f"version {version.number} carries no {names.MODEL}: it was not made by {again}"
    number, aliases = version.number, snapshot.aliases_of(version.number)
    content = {"name": registry.name, "version": number, "aliases": aliases, "retired": version.retired}
    parts = [f"{registry.name} version {number}", *(f"alias {alias}" for alias in aliases)]
    if version.tags.get(names.PULL_REQUEST):
        content["pull_request"] = version.tags[names.PULL_REQUEST]
        parts.append(f"pull request {content['pull_request']}")
    if version.retired is not None:
        parts.append(f"retired: {version.retired}")
    return Link("version", content, ", ".join(parts), problem=problem)


def release_links(
    root: Path, image: str | None, version: Version | None, snapshot: Snapshot
) -> tuple[Link, Link]:
    """Return the release, and the image published with it. An unreleased version does not break the chain.

    image: the digest by which the chain was entered.
    """
    if version is None:
        return Link("release", text="none"), Link("image", text="none")
    entries = history.read_entries(snapshot)
    of_version = [entry for entry in history.promotions(entries) if entry.version == version.number]
    problems = [_set_by_hand(entries, alias, version) for alias in snapshot.aliases_of(version.number)]
    content, lines = [], []
    last = {entry.release: entry for entry in of_version}
    for release, entry in reversed(last.items()):
        now = history.current(entries, entry.alias)
        current = now is not None and now.key == entry.key
        content.append({**entry.to_json(), "current": current})
        lines.append(
            f"{release}  {entry.alias}{' now' if current else ''}, {entry.action} by {entry.who}, {entry.when}"
        )
        problems.append(_moved_tag(root, entry))
    first, *rest = lines or ["none yet; git tag vX.Y.Z, then lastro release plan vX.Y.Z"]
    released = Link("release", content, first, tuple(rest), next(filter(None, problems), None))
    promoted = [entry.image for entry in of_version if entry.image]
    return released, _image_link(image, promoted, version.tags.get(names.IMAGE) if of_version else None)


def _image_link(image: str | None, promoted: list[str], of_version: str | None) -> Link:
    """Return the image. promoted: the digests that the history names for this version."""
    problem = None
    if image and image not in promoted:
        problem = f"{image} was never promoted; lastro promote TAG --image names the published one"
    digest = image or of_version
    text = digest or "none recorded; lastro promote TAG --image DIGEST"
    return Link("image", digest, text, problem=problem)


def _set_by_hand(entries: list[Entry], alias: str, version: Version) -> str | None:
    now = history.current(entries, alias)
    if alias not in (names.PRODUCTION, names.STAGING) or (now and now.version == version.number):
        return None
    expected = (
        f"the history says {now.release}, version {now.version}" if now else "nothing was promoted there"
    )
    return f"alias {alias} was set to version {version.number} by hand: {expected}; lastro history"


def _moved_tag(root: Path, entry: Entry) -> str | None:
    tag = entry.release
    if not git.has_tag(root, tag):
        return None
    try:
        commit = git.resolve(root, f"refs/tags/{tag}")
    except ExternalError:
        raise
    except LastroError:
        return f"{tag}: the tag is no commit's any more; git tag -f {tag} {entry.commit[:12]}"
    if commit == entry.commit:
        return None
    return (
        f"{tag}: the tag is at {commit[:12]} now, and was promoted at {entry.commit[:12]}; git tag -f {tag} "
        f"{entry.commit[:12]}, or release under a new tag"
    )
