"""Following a chain from where it is entered, and checking each link against its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.lineage import lineage
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.lineage.repository import recorded_at
from lastro.operations.registry import names
from lastro.operations.registry.client import Registry, Version
from lastro.operations.registry.register import refuse_outdated
from lastro.operations.release import trace_origin as origin
from lastro.operations.release import trace_record as record
from lastro.operations.release import trace_release as release
from lastro.operations.release.link import Link
from lastro.operations.release.trace_start import Start, get_run
from lastro.operations.tracking import runs

__all__ = ["Chain", "Link", "follow"]


@dataclass(frozen=True)
class Chain:
    """The links in order, from the commit to the image; `model` is the digest that joins them, where it is known."""

    start: Start
    model: str | None
    links: tuple[Link, ...]

    @property
    def broken(self) -> tuple[Link, ...]:
        """Those links that are missing or contradict another one."""
        return tuple(link for link in self.links if link.problem)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "asked": self.start.named,
            "kind": self.start.kind,
            "model": self.model,
            "whole": not self.broken,
            "broken": [{"link": link.name, "why": link.problem} for link in self.broken],
            "links": {link.name: link.content for link in self.links},
        }


def follow(registry: Registry, root: Path, start: Start) -> Chain:
    """The whole chain. What is broken is said in its link, not raised.

    Raises:
        ExternalError: the store or Git does not answer.
    """
    version = start.version
    model = _tag(version, names.MODEL) or _tag(start.run, runs.MODEL) or start.model
    found, commit_problem = None, None
    if model is None and start.commit:
        found, commit_problem = _lineage(root, start.commit)
        model = found and found.model
    several = registry.find(model) if model and version is None else []
    version = version or (several[0] if several else None)
    run = start.run or _run_of(registry, version, model)
    if found is None and commit_problem is None:
        commit = start.commit or _tag(version, names.COMMIT) or (recorded_at(root, model) if model else None)
        if commit:
            found, commit_problem = _lineage(root, commit)
        else:
            commit_problem = (
                "no dvc.lock in this clone's history names this model; git fetch, or dvc repro and commit it"
            )
    else:
        commit = start.commit
    snapshot = registry.snapshot()
    chain = (
        origin.commit_link(root, commit, found, model, commit_problem),
        origin.data_link(found, version, run),
        origin.params_link(root, found, version, run),
        record.run_link(registry, run, version, model),
        record.metrics_link(run),
        record.verdict_link(run, version),
        release.version_link(registry, version, several, model, commit, snapshot),
        *release.release_links(registry, root, start, version, snapshot),
    )
    return Chain(start, model, chain)


def find_commit(registry: Registry, root: Path, start: Start) -> str:
    """The commit alone that a start leads to.

    Raises:
        LastroError: there is none.
    """
    if start.commit:
        return start.commit
    model = _tag(start.version, names.MODEL) or _tag(start.run, runs.MODEL) or start.model
    version = start.version
    if version is None and model:
        version = next(iter(registry.find(model)), None)
    commit = _tag(version, names.COMMIT) or (recorded_at(root, model) if model else None)
    if not commit:
        raise LastroError(
            "leads to no commit",
            where=start.named,
            fix=f"lastro trace {start.named} shows where the chain ends",
        )
    return commit


def _lineage(root: Path, commit: str) -> tuple[Lineage | None, str | None]:
    try:
        found = lineage.read(root, commit)
    except ExternalError:
        raise
    except LastroError as error:
        return None, str(error)
    try:
        refuse_outdated(found, commit[:12])
    except LastroError as error:
        return found, str(error)
    return found, None


def _run_of(registry: Registry, version: Version | None, model: str | None) -> Run | None:
    if version is not None and version.run_id:
        return get_run(registry, version.run_id)
    return runs.find_run(registry.store, model) if model else None


def _tag(of: Version | Run | None, name: str) -> str | None:
    if of is None:
        return None
    return (of.tags if isinstance(of, Version) else of.data.tags).get(name)
