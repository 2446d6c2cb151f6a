"""Make each link of a chain: what it holds, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lastro.core.errors import ExternalError, LastroError
from lastro.core.metric_names import METRICS
from lastro.core.yaml12 import flatten, load_mapping
from lastro.evaluation.text import shown
from lastro.operations.lineage import git
from lastro.operations.registry import history, names
from lastro.operations.registry.client import Registry, Snapshot, Version
from lastro.operations.registry.history import Entry
from lastro.operations.tracking import runs

if TYPE_CHECKING:
    from lastro.operations.release.trace import Start

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


@dataclass(frozen=True)
class Chain:
    """The links in order, from the commit to the image, and what they were made from."""

    start: Start
    links: tuple[Link, ...]

    @property
    def broken(self) -> tuple[Link, ...]:
        return tuple(link for link in self.links if link.problem)

    def to_json(self) -> dict[str, Any]:
        return {
            "asked": self.start.named,
            "kind": self.start.kind,
            "model": self.start.model,
            "whole": not self.broken,
            "broken": [{"link": link.name, "why": link.problem} for link in self.broken],
            "links": {link.name: link.content for link in self.links},
        }

    def to_text(self) -> str:
        """Return the chain for people: what is broken first, then link by link."""
        lines = [f"{self.start.named}: {self.start.kind}, model {self.start.model or 'unknown'}"]
        lines += [f"broken at {link.name}: {link.problem}" for link in self.broken] or ["the chain is whole"]
        for link in self.links:
            lines.append(f"{link.name:<9}{link.text or ('broken' if link.problem else 'none')}")
            lines += [f"{'':<9}{line}" for line in link.lines]
        return "\n".join(lines)


def links(registry: Registry, root: Path, known: Start) -> tuple[Link, ...]:
    snapshot = registry.snapshot()
    return (
        _commit(root, known),
        _data(known),
        _params(root, known),
        _run(registry, known),
        _metrics(known),
        _verdict(known),
        _version(registry.name, snapshot, known),
        *_release_and_image(root, snapshot, known),
    )


def _commit(root: Path, known: Start) -> Link:
    commit, found, model = known.commit, known.found, known.model
    if commit is None:
        return Link("commit", problem=known.problem)
    problem = known.problem
    if found is not None and model is not None and found.model != model:
        problem = (
            f"dvc.lock at {commit[:12]} names the model {found.model}, not {model}; the tag or label that joins them was "
            "changed by hand"
        )
    subject = git.subject(root, commit)
    content = {"commit": commit, "subject": subject}
    return Link("commit", content, f"{commit[:12]}  {subject}".rstrip(), problem=problem)


def _data(known: Start) -> Link:
    digest, problem = _digest(known, known.found and known.found.data, names.DATA)
    return Link("data", digest, digest or "unknown", problem=problem)


def _params(root: Path, known: Start) -> Link:
    found, run = known.found, known.run
    digest, problem = _digest(known, found and found.params, names.PARAMS)
    if found is not None:
        text = git.show(root, found.commit, "params.yaml")
        content = load_mapping(text.encode(), "params.yaml", "fix it")
        values = flatten({key: content[key] for key in ("data", "model") if key in content})
    else:
        values = dict(sorted(run.data.params.items())) if run else {}
    width = max(map(len, values), default=0)
    lines = tuple(f"{name:<{width}}  {value}" for name, value in values.items())
    return Link("params", {"digest": digest, "values": values}, digest or "unknown", lines, problem)


def _digest(known: Start, digest: str | None, tag: str) -> tuple[str | None, str | None]:
    """Return the commit's digest, or else the version's or the run's; and what contradicts it.

    Another commit may come to the same model with other data or parameters, which is no contradiction.
    """
    registered, problem = known.tags.get(tag), None
    if digest and registered and digest != registered and known.tags.get(names.COMMIT) == known.found.commit:
        problem = f"the version's tag {tag} is {registered}; it was changed by hand"
    return digest or registered or known.run_tags.get(tag), problem


def _run(registry: Registry, known: Start) -> Link:
    run, version = known.run, known.version
    if run is None and version:
        gone = f"run {version.run_id}: is not in the tracking store"
        return Link("run", problem=f"{gone}; mlflow runs restore --run-id {version.run_id}, or lastro sync")
    if run is None:
        return Link("run", problem="none is recorded for this model; lastro sync")
    run_id, tags, problem = run.info.run_id, run.data.tags, None
    if tags.get(runs.MODEL) != known.model:
        made = f"was made by the model {tags.get(runs.MODEL)}, not {known.model}"
        problem = f"run {run_id}: {made}; lastro sync records this one"
    elif tags.get(runs.TRAINED) != "true":
        problem = f"run {run_id}: is incomplete; lastro sync"
    content = {"run": run_id, "name": run.info.run_name, "trial": runs.is_trial(run)}
    address = registry.store.address(run_id, run.info.run_name)
    return Link(
        "run", content, address + ("  (a trial: lastro train)" if content["trial"] else ""), problem=problem
    )


def _metrics(known: Start) -> Link:
    """Tell all metrics of the evaluation to programs, the first few to people."""
    values = known.run.data.metrics if known.run else {}
    # The usual primary metrics first.
    order = sorted(METRICS, key=lambda name: name not in ("roc_auc", "roc_auc_ovr_macro", "r2"))
    content = {
        name: {"value": values[name], "low": values.get(f"{name}.low"), "high": values.get(f"{name}.high")}
        for name in order
        if name in values
    }
    if not content:
        return Link("metrics", problem="the run has none; lastro sync" if known.run else None)
    lines = []
    for name, metric in list(content.items())[:MAXIMUM_METRICS]:
        low, high = metric["low"], metric["high"]
        interval = f" [{shown(low)}, {shown(high)}]" if low is not None and high is not None else ""
        lines.append(f"{name} {shown(metric['value'])}{interval}")
    return Link("metrics", content, lines[0], tuple(lines[1:]))


def _verdict(known: Start) -> Link:
    of_run = known.run_tags.get(names.VERDICT)
    of_version, problem = known.tags.get(names.VERDICT), None
    if known.run is not None and of_run is None:
        problem = "the run has none; lastro sync"
    elif known.version is not None and of_run and of_version != of_run:
        problem = f"the version says {of_version}, its run was evaluated as {of_run} since; lastro register"
    verdict = of_run or of_version
    return Link("verdict", verdict, verdict or "unknown", problem=problem)


def _version(name: str, snapshot: Snapshot, known: Start) -> Link:
    version = known.version
    again = "lastro register" + (f" --rev {known.commit[:12]}" if known.commit else "")
    if version is None:
        return Link("version", problem=f"none is registered for this model; {again}")
    problem = None
    if len(known.several) > 1:
        numbers = ", ".join(str(other.number) for other in known.several)
        problem = f"the model is registered as versions {numbers}, expected one; {again}"
    elif known.tags.get(names.MODEL) is None:
        problem = f"version {version.number} carries no {names.MODEL}: it was not made by {again}"
    aliases, pull_request = snapshot.aliases_of(version.number), known.tags.get(names.PULL_REQUEST)
    content = {"name": name, "version": version.number, "aliases": aliases, "retired": version.retired}
    parts = [f"{name} version {version.number}", *(f"alias {alias}" for alias in aliases)]
    if pull_request:
        content["pull_request"] = pull_request
        parts.append(f"pull request {pull_request}")
    if version.retired is not None:
        parts.append(f"retired: {version.retired}")
    return Link("version", content, ", ".join(parts), problem=problem)


def _release_and_image(root: Path, snapshot: Snapshot, known: Start) -> tuple[Link, Link]:
    """Tell the release, and the image published with it. An unreleased version does not break the chain."""
    version, image = known.version, known.image
    if version is None:
        return Link("release", text="none"), Link("image", text="none")
    entries = history.read_entries(snapshot)
    promoted = [entry for entry in history.promotions(entries) if entry.version == version.number]
    problems = [_set_by_hand(entries, alias, version) for alias in snapshot.aliases_of(version.number)]
    content, lines = [], []
    last = {entry.release: entry for entry in promoted}
    for release, entry in reversed(last.items()):
        now = history.current(entries, entry.alias)
        current = now is not None and now.key == entry.key
        content.append({**entry.to_json(), "current": current})
        where = f"{entry.alias}{' now' if current else ''}"
        lines.append(f"{release}  {where}, {entry.action} by {entry.who}, {entry.when}")
        problems.append(_moved_tag(root, entry))
    first, *rest = lines or ["none yet; git tag vX.Y.Z, then lastro release plan vX.Y.Z"]
    released = Link("release", content, first, tuple(rest), next(filter(None, problems), None))

    problem = None
    if image and image not in [entry.image for entry in promoted]:
        problem = f"{image} was never promoted; lastro promote TAG --image names the published one"
    digest = image or (known.tags.get(names.IMAGE) if promoted else None)
    text = digest or "none recorded; lastro promote TAG --image DIGEST"
    return released, Link("image", digest, text, problem=problem)


def _set_by_hand(entries: list[Entry], alias: str, version: Version) -> str | None:
    now = history.current(entries, alias)
    if alias not in (names.PRODUCTION, names.STAGING) or (now and now.version == version.number):
        return None
    expected = (
        f"the history says {now.release}, version {now.version}" if now else "nothing was promoted there"
    )
    return f"alias {alias} was set to version {version.number} by hand: {expected}; lastro history"


def _moved_tag(root: Path, entry: Entry) -> str | None:
    tag, promoted = entry.release, entry.commit[:12]
    if not git.has_tag(root, tag):
        return None
    try:
        commit = git.resolve(root, f"refs/tags/{tag}")
    except ExternalError:
        raise
    except LastroError:
        return f"{tag}: the tag is no commit's any more; git tag -f {tag} {promoted}"
    if commit == entry.commit:
        return None
    moved = f"the tag is at {commit[:12]} now, and was promoted at {promoted}"
    return f"{tag}: {moved}; git tag -f {tag} {promoted}, or release under a new tag"
