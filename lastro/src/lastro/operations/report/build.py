"""Build the report on the working tree: its model against the base revision's and production's.

Two models are compared on the held-out rows that neither was trained on.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lastro.core.check import without_password
from lastro.core.errors import LastroError
from lastro.core.files import read_json
from lastro.core.metric_names import METRICS, resolve
from lastro.core.metric_names import names as metric_names
from lastro.core.params import Params
from lastro.core.paths import Paths
from lastro.core.yaml12 import flatten, load_mapping
from lastro.evaluation.evaluate import read_training
from lastro.evaluation.gate import Rule, Verdict, judge
from lastro.evaluation.metrics import compute, improvements, interval
from lastro.evaluation.predictions import Predictions, aligned
from lastro.evaluation.text import rounded
from lastro.families.catalog import load_params
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.lineage.pipeline import read_note
from lastro.operations.registry.artifact import restore
from lastro.operations.registry.client import one_line, open_registry
from lastro.operations.release.champion import Candidate, score_production
from lastro.operations.report import content
from lastro.operations.report.charts import charts
from lastro.operations.report.content import Change, Difference, Metric, Other, PackageChange, Report, Slice
from lastro.tables.schema import read_schema

LOCK = "dvc.lock"
MODEL, PREDICTIONS = Paths.of(Path()).model.as_posix(), Paths.of(Path()).predictions.as_posix()
PIN, ANSWERS = "requirements/lastro.txt", ".copier-answers.yml"
MAXIMUM_CHANGES, MAXIMUM_SLICES = 100, 200


@dataclass(frozen=True)
class Comparison:
    """The other model, the difference in each metric, and what the gate would say of the two."""

    other: Other
    differences: dict[str, Difference] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


def build(root: Path, base: str | None, production: bool, base_name: str | None = None) -> Report:
    """Build the report.

    base: a revision, shown as `base_name`; None: there is nothing to compare with. production: whether the registry is asked.

    Raises:
        LastroError: dvc.lock is outdated, or the outputs are not there; `lastro repro` did not come to an end.
    """
    note = read_note(root)
    paths, found = Paths.of(root), lineage.read(root)
    for item in found.outdated:
        if "error" in note:
            raise LastroError(note["error"])
        problem = f"dvc.lock is outdated: {item.stage}: {item.what}"
        raise LastroError(problem, fix=f"{item.fix}, then lastro report")
    params = load_params(paths.params)
    fix = "run dvc repro or dvc pull"
    evaluation, predictions = read_json(paths.evaluation, fix), Predictions.read(paths.predictions)
    verdict = Verdict.from_json(read_json(paths.verdict, fix))
    primary = resolve(params.gate.metric, predictions.task, len(predictions.labels))
    champion = _nothing("production", "no tracking server is set up, so nothing is in production")
    with tempfile.TemporaryDirectory(prefix="lastro-report-") as name:
        before = _with_base(root, base, base_name or base, found, predictions, params, Path(name))
        if production:
            champion = _with_production(root, params, found, predictions, Path(name))
    changes = param_changes(root, base)
    return Report(
        model_name=params.name,
        family=params.model.family,
        task=evaluation["task"],
        rows=evaluation["rows"],
        model=found.model,
        lock="updated"
        if git.attempt(root, "diff", "--quiet", "HEAD", "--", LOCK).returncode
        else "unchanged",
        ran=note.get("ran"),
        seconds=note.get("seconds"),
        changes=changes[:MAXIMUM_CHANGES],
        more_changes=max(0, len(changes) - MAXIMUM_CHANGES),
        package=package_change(root, base),
        primary=primary,
        metrics=[
            Metric(
                name=metric,
                **_numbers(measured),
                base=before.differences.get(metric),
                production=champion.differences.get(metric),
            )
            for metric, measured in evaluation["metrics"].items()
        ],
        base=before.other,
        production=champion.other,
        production_rules=_rules(champion.rules),
        slices=[
            Slice(
                column=column[:200],
                group=group[:200],
                rows=result["rows"],
                **_numbers(result["metrics"][primary]),
            )
            for column, groups in evaluation["slices"].items()
            for group, result in groups.items()
        ][:MAXIMUM_SLICES],
        passed=verdict.passed,
        rules=_rules(verdict.rules),
        charts=charts(paths.plots),
    )


def _numbers(measured: dict[str, Any]) -> dict[str, float | None]:
    return {key: measured[key] for key in ("value", "low", "high")}


def _rules(rules: Iterable[Rule]) -> list[content.Rule]:
    return [content.Rule(name=rule.name, passed=rule.passed, detail=rule.detail[:2000]) for rule in rules]


def param_changes(root: Path, base: str | None) -> list[Change]:
    """List what differs in params.yaml, key by key, as DVC reads the two.

    Raises:
        LastroError: there is no such revision, or the working tree's params.yaml holds no keys.
    """
    if base is None:
        return []
    commit = git.resolve(root, base)
    try:
        before = _values(git.show(root, commit, "params.yaml").encode(), f"params.yaml at {commit[:12]}")
    except LastroError:
        # A base that is broken must not prevent the report of its fix: every key is new then.
        before = {}
    after = _values(Paths.of(root).params.read_bytes(), "params.yaml")
    return [
        Change(key=key[:200], before=before.get(key), after=after.get(key))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def package_change(root: Path, base: str | None) -> PackageChange | None:
    """Compare the pins of the package lastro; None where it is the base's."""
    if base is None:
        return None
    commit = git.resolve(root, base)
    before, after = (_file(root, PIN, rev) for rev in (commit, None))
    if before == after:
        return None
    pins = [_pinned(pin, _file(root, ANSWERS, rev)) for pin, rev in ((before, commit), (after, None))]
    model = None
    with suppress(LastroError):
        model = lineage.outputs(root, base).get("train", {}).get(MODEL)
    return PackageChange(before=pins[0], after=pins[1], model=model)


def _file(root: Path, name: str, commit: str | None) -> str | None:
    """Read a file of a commit, or of the working tree; None where it is not there."""
    try:
        return git.show(root, commit, name) if commit else (root / name).read_text(encoding="utf-8")
    except (LastroError, FileNotFoundError):
        return None


def _pinned(pin: str | None, answers: str | None) -> str | None:
    """Describe a pin by its version, where that is known, and its content; never by its URL, which may hold a password."""
    if pin is None:
        return None
    version = re.search(r"^_commit: (\S+)$", answers or "", re.MULTILINE) or re.search(
        r"/lastro-([0-9][^-]*)-", pin
    )
    content = re.search(r"[0-9a-f]{64}|[0-9a-f]{40}", pin)
    if content:
        kind = "commit" if len(content[0]) == 40 else "sha256"
        return ", ".join([*(version.groups() if version else ()), f"{kind} {content[0][:12]}"])[:200]
    lines = [line for line in pin.splitlines() if line and not line.startswith("#")]
    return without_password(lines[-1])[:200] if lines else "nothing"


def _values(text: bytes, where: str) -> dict[str, str]:
    values = flatten(load_mapping(text, where, "fix that line"))
    return {key: json.dumps(value, ensure_ascii=False, default=str)[:500] for key, value in values.items()}


def _nothing(name: str, why: str) -> Comparison:
    """Say why there is no comparison."""
    return Comparison(Other(name=name[:200], missing=why[:1000]))


def _with_base(
    root: Path,
    base: str | None,
    label: str | None,
    found: Lineage,
    ours: Predictions,
    params: Params,
    folder: Path,
) -> Comparison:
    """Compare with the model that the base revision's dvc.lock records."""
    if base is None:
        return _nothing("base", "no base revision was named")
    try:
        name = f"{label} at {git.resolve(root, base)[:12]}"
        recorded = lineage.outputs(root, base)
        digest = recorded.get("evaluate", {}).get(PREDICTIONS)
        if digest is None:
            return _nothing(name, f"its dvc.lock records no {PREDICTIONS}")
        if (recorded.get("train", {}).get(MODEL), digest) == (found.model, found.predictions):
            return Comparison(Other(name=name[:200], rows=len(ours), same=True))
        theirs = Predictions.read(restore(root, digest, folder / "base.parquet"))
    except LastroError as error:
        return _nothing(label or base, str(error))
    return _against(name, ours, theirs, params)


def _with_production(
    root: Path, params: Params, found: Lineage, ours: Predictions, folder: Path
) -> Comparison:
    """Compare with the model in production, as a release would be judged."""
    paths = Paths.of(root)
    try:
        training = read_training(paths.training)
        candidate = Candidate(params, paths.prepared, read_schema(paths.schema), ours, training)
        with one_line():
            entry, champion = score_production(open_registry(root), root, candidate, found, folder)
    except LastroError as error:
        return _nothing("production", str(error))
    name = f"{entry.release}, version {entry.version}" if entry else "production"
    if champion.predictions is None:
        refused = () if champion.rule.passed else (champion.rule,)
        return Comparison(Other(name=name, missing=champion.rule.detail), rules=refused)
    verdict = judge(ours, params.gate, params.evaluation, training["prior"], champion=champion.predictions)
    rules = tuple(rule for rule in verdict.rules if rule.name == "champion")
    return replace(_against(name, ours, champion.predictions, params), rules=(champion.rule, *rules))


def _against(name: str, ours: Predictions, theirs: Predictions, params: Params) -> Comparison:
    """Compare every metric on the common rows, with the interval of the paired difference."""
    try:
        here, there = aligned(ours, theirs)[:2]
    except LastroError as error:
        return _nothing(name, str(error))
    if not len(here):
        return _nothing(name, "the two held out no row in common")
    wanted = metric_names(ours.task, len(ours.labels))
    values, others = compute(here, wanted), compute(there, wanted)
    samples = improvements(here, there, wanted, params.evaluation.resamples, params.evaluation.seed)
    differences = {}
    for metric in wanted:
        low, high = map(rounded, interval(samples[metric]))
        gain = rounded(METRICS[metric].sign * (values[metric] - others[metric]))
        differences[metric] = Difference(value=rounded(others[metric]), gain=gain, low=low, high=high)
    return Comparison(Other(name=name[:200], rows=len(here)), differences)
