"""Follow the chain of a model from commit to image, and check each link against its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.lineage import lineage
from lastro.operations.lineage.git import recorded_at
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import names
from lastro.operations.registry.client import Registry, Version
from lastro.operations.registry.register import refuse_outdated
from lastro.operations.release import trace_links as links
from lastro.operations.release.trace_find import Start, get_run
from lastro.operations.release.trace_links import Link
from lastro.operations.tracking import runs


@dataclass(frozen=True)
class Chain:
    """The links in order, from the commit to the image; `model` is the digest that joins them, if known."""

    start: Start
    model: str | None
    links: tuple[Link, ...]

    @property
    def broken(self) -> tuple[Link, ...]:
        """Return the links that are missing or contradict another one."""
        return tuple(link for link in self.links if link.problem)

    def to_json(self) -> dict[str, Any]:
        """Return the chain for programs."""
        return {
            "asked": self.start.named,
            "kind": self.start.kind,
            "model": self.model,
            "whole": not self.broken,
            "broken": [{"link": link.name, "why": link.problem} for link in self.broken],
            "links": {link.name: link.content for link in self.links},
        }

    def to_text(self) -> str:
        """Return the chain for people: what is broken first, then link by link."""
        lines = [f"{self.start.named}: {self.start.kind}, model {self.model or 'unknown'}"]
        lines += [f"broken at {link.name}: {link.problem}" for link in self.broken] or ["the chain is whole"]
        for link in self.links:
            lines.append(f"{link.name:<9}{link.text or ('broken' if link.problem else 'none')}")
            lines += [f"{'':<9}{line}" for line in link.lines]
        return "\n".join(lines)


def follow(registry: Registry, root: Path, start: Start) -> Chain:
    """Return the whole chain. What is broken is in its link, not raised.

    Raises:
        ExternalError: the store or Git does not answer.
    """
    version, model, commit = start.version, _model_of(start), start.commit
    found, problem = None, None
    if model is None and commit:
        found, problem = _lineage(root, commit)
        model = found and found.model
    several = registry.find(model) if model and version is None else []
    version = version or (several[0] if several else None)
    run = start.run or _run_of(registry, version, model)
    if found is None and problem is None:
        commit = commit or _commit_of(root, version, model)
        if commit:
            found, problem = _lineage(root, commit)
        else:
            problem = (
                "no dvc.lock in this clone's history names this model; git fetch, or dvc repro and commit it"
            )
    snapshot = registry.snapshot()
    chain = (
        links.commit_link(root, commit, found, model, problem),
        links.data_link(found, version, run),
        links.params_link(root, found, version, run),
        links.run_link(registry, run, version, model),
        links.metrics_link(run),
        links.verdict_link(run, version),
        links.version_link(registry, version, several, commit, snapshot),
        *links.release_links(root, start.image, version, snapshot),
    )
    return Chain(start, model, chain)


def find_commit(registry: Registry, root: Path, start: Start) -> str:
    """Return only the commit that a start leads to.

    Raises:
        LastroError: there is none.
    """
    if start.commit:
        return start.commit
    version, model = start.version, _model_of(start)
    if version is None and model:
        version = next(iter(registry.find(model)), None)
    commit = _commit_of(root, version, model)
    if not commit:
        raise LastroError(
            "leads to no commit",
            where=start.named,
            fix=f"lastro trace {start.named} shows where the chain ends",
        )
    return commit


def _model_of(start: Start) -> str | None:
    tagged = start.version.tags.get(names.MODEL) if start.version else None
    return tagged or (start.run.data.tags.get(runs.MODEL) if start.run else None) or start.model


def _commit_of(root: Path, version: Version | None, model: str | None) -> str | None:
    tagged = version.tags.get(names.COMMIT) if version else None
    return tagged or (recorded_at(root, model) if model else None)


def _run_of(registry: Registry, version: Version | None, model: str | None) -> Run | None:
    if version is not None and version.run_id:
        return get_run(registry, version.run_id)
    return runs.find_run(registry.store, model) if model else None


def _lineage(root: Path, commit: str) -> tuple[Lineage | None, str | None]:
    """Return the commit's lineage, if it has one, and what is wrong with it."""
    found = None
    try:
        found = lineage.read(root, commit)
        refuse_outdated(found, commit[:12])
    except ExternalError:
        raise
    except LastroError as error:
        return found, str(error)
    return found, None
