"""Check whether a tag may be released, before its image is built, published and promoted."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from lastro.core.errors import LastroError, VerdictError
from lastro.evaluation.gate import Rule, Verdict, judge
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import artifact, history, names, versions
from lastro.operations.registry.client import Registry, Snapshot, Version
from lastro.operations.registry.history import Entry
from lastro.operations.registry.register import refuse_outdated, refuse_retired
from lastro.operations.release import rules
from lastro.operations.release.candidate import load_candidate
from lastro.operations.release.champion import RULE, score_champion
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
        """Return whether every rule and the verdict pass."""
        return self.verdict.passed and all(rule.passed for rule in self.rules)

    def refuse_failed(self) -> None:
        """Raise VerdictError with the names of the failed rules, if any."""
        failed = [rule.name for rule in (*self.rules, *self.verdict.rules) if not rule.passed]
        if failed:
            raise VerdictError(
                f"must not be released ({', '.join(failed)})",
                where=self.tag,
                fix=f"lastro release plan {self.tag} says why, and how to fix it",
            )

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

    Raises:
        LastroError: there is no such tag, dvc.lock is outdated there, not exactly one version has this model, or it was
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

    Raises:
        LastroError: see `resolve`; an artifact has another digest; DVC cannot restore the data.
    """
    found, version = resolve(registry, root, tag)
    snapshot = registry.snapshot()
    entries = history.read_entries(snapshot)
    with tempfile.TemporaryDirectory(prefix="lastro-plan-") as name:
        folder, run = Path(name), registry.run_of(version)
        fetched = artifact.fetch(run, found.model, folder / "candidate")
        checked = (
            rules.on_branch(root, found.commit, branch),
            rules.increases(tag, found.commit, entries),
            rules.fits_interface(registry, tag, entries, fetched, folder),
        )
        champion = in_production(registry, snapshot, entries)
        verdict = _judge(registry, root, found, run, champion, without_champion, folder)
    return Plan(tag, found, version, champion and champion[1], checked, verdict)


def in_production(
    registry: Registry, snapshot: Snapshot, entries: list[Entry]
) -> tuple[Version, Entry] | None:
    """Return the version at the alias `production` and the promotion that brought it there; None if there is none.

    Raises:
        LastroError: the alias was set by hand, so the release in production is unknown.
    """
    number = snapshot.aliases.get(names.PRODUCTION)
    version = registry.get(number) if number is not None else None
    if version is None:
        return None
    promoted = reversed(history.promotions(entries, names.PRODUCTION))
    last = next((entry for entry in promoted if entry.version == number), None)
    if last is None or names.MODEL not in version.tags:
        now = history.current(entries, names.PRODUCTION)
        fix = f"lastro rollback --to {now.release}" if now else "delete the alias"
        raise LastroError(
            f"is at version {number}, which was never promoted",
            where="alias production",
            fix=f"it was set by hand: {fix}",
        )
    return version, last


def _judge(
    registry: Registry,
    root: Path,
    found: Lineage,
    run: Run,
    champion: tuple[Version, Entry] | None,
    without_champion: str | None,
    folder: Path,
) -> Verdict:
    candidate = load_candidate(root, found, run, folder)
    scored = None
    if champion is None:
        rule = Rule(RULE, True, None, None, "nothing is in production to compare with")
    elif champion[0].tags[names.MODEL] == found.model:
        rule = Rule(RULE, True, None, None, f"{champion[1].release} in production is this very model")
    elif without_champion:
        rule = Rule(RULE, True, None, None, f"not compared with {champion[1].release}: {without_champion}")
    else:
        judged = score_champion(
            registry, root, champion[0], champion[1].release, candidate, found.data, folder
        )
        scored, rule = judged.predictions, judged.rule
    params = candidate.params
    verdict = judge(
        candidate.predictions, params.gate, params.evaluation, candidate.training["prior"], scored
    )
    return Verdict(verdict.passed and rule.passed, (*verdict.rules, rule))
