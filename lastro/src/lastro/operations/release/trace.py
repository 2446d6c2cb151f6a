"""Follow the chain of a model from commit to image, and check each link against its neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.lineage import git, lineage
from lastro.operations.registry import names
from lastro.operations.registry.client import Registry
from lastro.operations.registry.register import refuse_outdated
from lastro.operations.release.trace_find import Start, get_run
from lastro.operations.release.trace_links import Link, links
from lastro.operations.tracking import runs


@dataclass(frozen=True)
class Chain:
    """The links in order, from the commit to the image, and what they were made from."""

    start: Start
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


def follow(registry: Registry, root: Path, start: Start) -> Chain:
    """Return the whole chain. What is broken is in its link, not raised.

    Raises:
        ExternalError: the store or Git does not answer.
    """
    known = _with_version(registry, start)
    if known.model is None and known.commit:
        known = _with_version(registry, _with_lineage(root, known, known.commit))
    version, run = known.version, known.run
    if run is None and version is not None and version.run_id:
        run = get_run(registry, version.run_id)
    elif run is None and known.model:
        run = runs.find_run(registry.store, known.model)
    if known.found is None and known.problem is None:
        commit = known.commit or _commit_of(root, known)
        if commit:
            known = _with_lineage(root, known, commit)
        else:
            problem = (
                "no dvc.lock in this clone's history names this model; git fetch, or dvc repro and commit it"
            )
            known = replace(known, problem=problem)
    known = replace(known, run=run)
    return Chain(known, links(registry, root, known))


def find_commit(registry: Registry, root: Path, start: Start) -> str:
    """Return only the commit that a start leads to.

    Raises:
        LastroError: there is none.
    """
    commit = start.commit or _commit_of(root, _with_version(registry, start))
    if not commit:
        fix = f"lastro trace {start.named} shows where the chain ends"
        raise LastroError("leads to no commit", where=start.named, fix=fix)
    return commit


def _with_version(registry: Registry, start: Start) -> Start:
    """Add the model that the version or the run names, and the versions of it."""
    model = start.tags.get(names.MODEL) or start.run_tags.get(names.MODEL) or start.model
    if start.version is not None or not model:
        return replace(start, model=model)
    several = tuple(registry.find(model))
    return replace(start, model=model, several=several, version=next(iter(several), None))


def _with_lineage(root: Path, start: Start, commit: str) -> Start:
    """Add the commit's lineage, if it has one, and what is wrong with it; the model, where none is known."""
    found, problem = None, None
    try:
        found = lineage.read(root, commit)
        refuse_outdated(found, commit[:12])
    except ExternalError:
        raise
    except LastroError as error:
        problem = str(error)
    model = start.model or (found and found.model)
    return replace(start, commit=commit, model=model, found=found, problem=problem)


def _commit_of(root: Path, known: Start) -> str | None:
    return known.tags.get(names.COMMIT) or (git.recorded_at(root, known.model) if known.model else None)
