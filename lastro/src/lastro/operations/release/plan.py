"""Check whether a tag may be released, before its image is built and published; then promote it."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lastro.core.errors import LastroError, VerdictError
from lastro.evaluation.gate import Rule, Verdict, judge
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import artifact, history, names, promotion, versions
from lastro.operations.registry.client import Registry, Version
from lastro.operations.registry.history import Entry
from lastro.operations.registry.register import refuse_outdated, refuse_retired
from lastro.operations.release import rules
from lastro.operations.release.champion import load_candidate, score_production
from lastro.operations.release.tags import ReleaseTag


@dataclass(frozen=True)
class Plan:
    """What a tag would release, and the rules that it passes or fails.

    Attributes:
        production: the release in production, whose model is the champion; None if there is none.
        rules: branch, version and interface; `verdict` holds the gate's.
    """

    tag: ReleaseTag
    lineage: Lineage
    version: Version
    production: Entry | None
    rules: tuple[Rule, ...]
    verdict: Verdict

    @property
    def allowed(self) -> bool:
        return self.verdict.passed and all(rule.passed for rule in self.rules)

    def refuse_failed(self) -> None:
        """Raise VerdictError with the names of the failed rules, if any."""
        failed = [rule.name for rule in (*self.rules, *self.verdict.rules) if not rule.passed]
        if failed:
            problem = f"must not be released ({', '.join(failed)})"
            fix = f"lastro release plan {self.tag} says why, and how to fix it"
            raise VerdictError(problem, where=self.tag, fix=fix)

    def to_json(self, name: str) -> dict[str, Any]:
        """Return the plan for the workflow; `name` is the registered model's."""
        found = self.lineage
        return {
            "tag": str(self.tag),
            "alias": self.tag.alias,
            "allowed": self.allowed,
            "name": name,
            "version": self.version.number,
            "run": self.version.run_id,
            "commit": found.commit,
            "model": found.model,
            "data": found.data,
            "params": found.params,
            "production": self.production
            and {"release": self.production.release, "version": self.production.version},
            "rules": [asdict(rule) for rule in self.rules],
            "verdict": self.verdict.to_json(),
            "unverified": [asdict(reason) for reason in found.unverified],
        }


def resolve(registry: Registry, root: Path, tag: ReleaseTag) -> tuple[Lineage, Version]:
    """Resolve the tag to the lineage of its commit and the one version of its model.

    Raises LastroError: there is no such tag, dvc.lock is outdated there, not exactly one version has this model, or it was
    retired.
    """
    if not git.has_tag(root, str(tag)):
        raise LastroError("this clone has no such tag", where=tag, fix=f"git tag {tag}, or git fetch --tags")
    found = lineage.read(root, f"refs/tags/{tag}")
    refuse_outdated(found, str(tag))
    version = versions.only_version(registry, found.model, str(tag))
    refuse_retired(version)
    return found, version


def make_plan(
    registry: Registry,
    root: Path,
    tag: ReleaseTag,
    branch: str | None = None,
    without_champion: str | None = None,
) -> Plan:
    """Check everything. without_champion: why production is not compared with.

    Raises LastroError: see `resolve`; an artifact has another digest; DVC cannot restore the data.
    """
    found, version = resolve(registry, root, tag)
    entries = history.read_entries(registry.snapshot())
    with tempfile.TemporaryDirectory(prefix="lastro-plan-") as name:
        folder, run = Path(name), registry.run_of(version)
        fetched = artifact.fetch(run, found.model, folder / "candidate")
        checked = (
            rules.on_branch(root, found.commit, branch),
            rules.increases(tag, found.commit, entries),
            rules.fits_interface(registry, tag, entries, fetched, folder),
        )
        candidate = load_candidate(root, found, run, folder)
        production, compared = score_production(registry, root, candidate, found, folder, without_champion)
    params, prior = candidate.params, candidate.training["prior"]
    verdict = judge(candidate.predictions, params.gate, params.evaluation, prior, compared.predictions)
    verdict = Verdict(verdict.passed and compared.rule.passed, (*verdict.rules, compared.rule))
    return Plan(tag, found, version, production, checked, verdict)


@dataclass(frozen=True)
class Promoted:
    """The entry of a promotion; `already`: it was done before."""

    entry: Entry
    already: bool


def promote(
    registry: Registry,
    root: Path,
    tag: ReleaseTag,
    image: str | None = None,
    who: str = "",
    why: str = "",
    branch: str | None = None,
    without_champion: str | None = None,
    take_over: bool = False,
) -> Promoted:
    """Move the tag's alias to its version, after the whole plan has been checked again.

    Raises VerdictError: the plan says no. Raises LastroError: see `make_plan`; the release was rolled back; another
    promotion is under way.
    """
    _, version = resolve(registry, root, tag)
    snapshot = registry.snapshot()
    done = promotion.find_done(snapshot, tag.alias, str(tag), version.number, image)
    if done:
        promotion.verify(registry, version)
        return Promoted(done, already=True)
    entries = history.read_entries(snapshot)
    _refuse_rolled_back(entries, tag)
    plan = make_plan(registry, root, tag, branch, without_champion)
    plan.refuse_failed()
    why = "; ".join(filter(None, [why, without_champion and f"without comparison: {without_champion}"]))
    wanted = Entry(
        action="promote",
        alias=tag.alias,
        release=str(tag),
        version=plan.version.number,
        model=plan.version.tags.get(names.MODEL, ""),
        commit=plan.lineage.commit,
        image=image,
        who=who,
        why=why,
    )
    return Promoted(promotion.move_alias(registry, wanted, history.newest(entries), take_over), already=False)


def _refuse_rolled_back(entries: list[Entry], tag: ReleaseTag) -> None:
    """Refuse a promotion that is retried late and would undo a rollback."""
    now = history.current(entries, tag.alias)
    before = [entry for entry in history.promotions(entries, tag.alias) if entry.release == str(tag)]
    if now and now.release != str(tag) and before:
        fix = f"lastro rollback --to {tag}" if tag.alias == names.PRODUCTION else "tag the next candidate"
        problem = f"was in {tag.alias} before {now.release} came"
        raise LastroError(problem, where=tag, fix=f"to return to it: {fix}")
