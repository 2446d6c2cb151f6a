"""Build the report on the working tree: against the base revision and against production."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from lastro.core.errors import LastroError
from lastro.core.files import read_json
from lastro.core.metric_names import resolve
from lastro.core.paths import Paths
from lastro.core.yaml12 import flatten, load_mapping
from lastro.evaluation.gate import Verdict
from lastro.evaluation.predictions import Predictions
from lastro.families.catalog import load_params
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.run_pipeline import read_note
from lastro.operations.report import compare
from lastro.operations.report.charts import charts
from lastro.operations.report.content import Change, Metric, Report, Rule, Slice

MAXIMUM_CHANGES = 100


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
        raise LastroError(
            f"dvc.lock is outdated: {item.stage}: {item.what}", fix=f"{item.fix}, then lastro report"
        )
    params = load_params(paths.params)
    fix = "run dvc repro or dvc pull"
    evaluation, predictions = read_json(paths.evaluation, fix), Predictions.read(paths.predictions)
    verdict = Verdict.from_json(read_json(paths.verdict, fix))
    primary = resolve(params.gate.metric, predictions.task, len(predictions.labels))
    with tempfile.TemporaryDirectory(prefix="lastro-report-") as name:
        folder = Path(name)
        settings = params.evaluation
        against_base = compare.with_base(root, base, base_name or base, found, predictions, settings, folder)
        against_production = (
            compare.with_production(root, params, found, predictions, folder)
            if production
            else compare.nothing("production", "no tracking server is set up, so nothing is in production")
        )
    changes = param_changes(root, base)
    return Report(
        model_name=params.name,
        family=params.model.family,
        task=evaluation["task"],
        rows=evaluation["rows"],
        model=found.model,
        lock=_lock(root),
        ran=note.get("ran"),
        seconds=note.get("seconds"),
        changes=changes[:MAXIMUM_CHANGES],
        more_changes=max(0, len(changes) - MAXIMUM_CHANGES),
        primary=primary,
        metrics=[
            Metric(
                name=metric,
                value=numbers["value"],
                low=numbers["low"],
                high=numbers["high"],
                base=against_base.differences.get(metric),
                production=against_production.differences.get(metric),
            )
            for metric, numbers in evaluation["metrics"].items()
        ],
        base=against_base.other,
        production=against_production.other,
        production_rules=[_rule(rule) for rule in against_production.rules],
        slices=_slices(evaluation, primary),
        passed=verdict.passed,
        rules=[_rule(rule) for rule in verdict.rules],
        charts=charts(paths.plots),
    )


def _rule(rule) -> Rule:
    return Rule(name=rule.name, passed=rule.passed, detail=rule.detail[:2000])


def _slices(evaluation: dict[str, Any], primary: str) -> list[Slice]:
    return [
        Slice(
            column=column[:200],
            group=group[:200],
            rows=result["rows"],
            **{key: result["metrics"][primary][key] for key in ("value", "low", "high")},
        )
        for column, groups in evaluation["slices"].items()
        for group, result in groups.items()
    ][:200]


def _lock(root: Path) -> str:
    """Tell whether dvc.lock is the one of the commit."""
    differs = git.attempt(root, "diff", "--quiet", "HEAD", "--", "dvc.lock").returncode
    return "updated" if differs else "unchanged"


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
        Change(key=key[:200], before=_cut(before.get(key)), after=_cut(after.get(key)))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _values(text: bytes, where: str) -> dict[str, str]:
    content = flatten(load_mapping(text, where, "fix that line"))
    return {key: json.dumps(value, ensure_ascii=False, default=str) for key, value in content.items()}


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:500]
