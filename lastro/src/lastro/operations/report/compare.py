"""Compare this model with another one, on the held-out rows that neither was trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lastro.core.errors import LastroError
from lastro.core.metric_names import METRICS, names
from lastro.core.paths import Paths
from lastro.evaluation.gate import Rule
from lastro.evaluation.intervals import improvements, interval
from lastro.evaluation.metrics import compute
from lastro.evaluation.predictions import Predictions, aligned
from lastro.evaluation.text import rounded
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.report.content import Difference, Other

if TYPE_CHECKING:
    from lastro.core.params import Evaluation, Params


@dataclass(frozen=True)
class Comparison:
    """The other model, the difference in each metric, and what the gate would say of the two."""

    other: Other
    differences: dict[str, Difference] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


def nothing(name: str, why: str) -> Comparison:
    """Say why there is no comparison."""
    return Comparison(Other(name=name[:200], missing=why[:1000]))


def with_base(
    root: Path,
    base: str | None,
    label: str | None,
    found: Lineage,
    ours: Predictions,
    settings: Evaluation,
    folder: Path,
) -> Comparison:
    """Compare with the model that the base revision's dvc.lock records."""
    from lastro.operations.registry.restore import restore

    if base is None:
        return nothing("base", "no base revision was named")
    try:
        commit = git.resolve(root, base)
        name = f"{label} at {commit[:12]}"
        recorded = lineage.outputs(root, base)
        path = Paths.of(root).predictions.relative_to(root).as_posix()
        digest = recorded.get("evaluate", {}).get(path)
        if digest is None:
            return nothing(name, f"its dvc.lock records no {path}")
        if recorded.get("train", {}).get(
            Paths.of(root).model.relative_to(root).as_posix()
        ) == found.model and (digest == found.predictions):
            return Comparison(Other(name=name[:200], rows=len(ours), same=True), {})
        theirs = Predictions.read(restore(root, digest, folder / "base.parquet"))
    except LastroError as error:
        return nothing(label or base, str(error))
    return against(name, ours, theirs, settings)


def with_production(
    root: Path, params: Params, found: Lineage, ours: Predictions, folder: Path
) -> Comparison:
    """Compare with the model in production, as a release would be judged."""
    from lastro.evaluation.evaluate import read_training
    from lastro.evaluation.gate import judge
    from lastro.operations.registry import history
    from lastro.operations.registry import names as words
    from lastro.operations.registry.client import one_line, open_registry
    from lastro.operations.release.candidate import Candidate
    from lastro.operations.release.champion import score_champion
    from lastro.operations.release.plan import in_production
    from lastro.tables.schema import read_schema

    paths = Paths.of(root)
    try:
        with one_line():
            registry = open_registry(root)
            snapshot = registry.snapshot()
            now = in_production(registry, snapshot, history.read_entries(snapshot))
            if now is None:
                return nothing("production", "nothing is in production yet")
            version, entry = now
            name = f"{entry.release}, version {version.number}"
            if version.tags[words.MODEL] == found.model:
                return Comparison(Other(name=name, rows=len(ours), same=True), {})
            training = read_training(paths.training)
            candidate = Candidate(params, paths.prepared, read_schema(paths.schema), ours, training)
            champion = score_champion(registry, root, version, entry.release, candidate, found.data, folder)
    except LastroError as error:
        return nothing("production", str(error))
    if champion.predictions is None:
        return Comparison(Other(name=name, missing=champion.rule.detail), {}, (champion.rule,))
    verdict = judge(ours, params.gate, params.evaluation, training["prior"], champion=champion.predictions)
    rules = tuple(rule for rule in verdict.rules if rule.name == "champion")
    compared = against(name, ours, champion.predictions, params.evaluation)
    return Comparison(compared.other, compared.differences, (champion.rule, *rules))


def against(name: str, ours: Predictions, theirs: Predictions, settings: Evaluation) -> Comparison:
    """Compare every metric on the common rows, with the interval of the paired difference."""
    try:
        common = aligned(ours, theirs)
    except LastroError as error:
        return nothing(name, str(error))
    if not len(common.candidate):
        return nothing(name, "the two held out no row in common")
    wanted = names(ours.task, len(ours.labels))
    here, there = compute(common.candidate, wanted), compute(common.champion, wanted)
    samples = improvements(common.candidate, common.champion, wanted, settings.resamples, settings.seed)
    differences = {}
    for metric in wanted:
        low, high = interval(samples[metric])
        differences[metric] = Difference(
            value=rounded(there[metric]),
            gain=rounded(METRICS[metric].sign * (here[metric] - there[metric])),
            low=rounded(low),
            high=rounded(high),
        )
    return Comparison(Other(name=name[:200], rows=len(common.candidate)), differences)
