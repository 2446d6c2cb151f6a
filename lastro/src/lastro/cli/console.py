"""Print the result of an evaluation as tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from lastro.evaluation.text import HEADERS, metric_rows, slice_metrics, slice_rows

if TYPE_CHECKING:
    from lastro.core.params import Params
    from lastro.evaluation.verdict import Rule, Verdict


def print_evaluation(params: Params, evaluation: dict[str, Any], verdict: Verdict) -> None:
    """Print the metrics with intervals and baseline, the slices' primary numbers, and the verdict rule by rule."""
    print(f"{params.name}: {params.model.family}, {evaluation['task']}, {evaluation['rows']} held-out rows\n")
    print(tabulate(metric_rows(evaluation["metrics"]), HEADERS, disable_numparse=True))
    calibration = evaluation["metrics"].get("calibration_error")
    if calibration and calibration["low"] is not None and calibration["value"] < calibration["low"]:
        print("(calibration_error: resampling adds noise, which only adds to it; its interval leans upward)")
    print()
    for column, groups in evaluation["slices"].items():
        print(tabulate(slice_rows(groups), [column, "rows", *slice_metrics(groups)], disable_numparse=True))
        print()
    print_verdict(verdict)


def print_verdict(verdict: Verdict) -> None:
    """Print the verdict, and each rule with its numbers."""
    print(f"verdict: {'pass' if verdict.passed else 'FAIL'}")
    print_rules(verdict.rules)


def print_rules(rules: Iterable[Rule]) -> None:
    """Print one line for each rule."""
    for rule in rules:
        print(f"  {'ok  ' if rule.passed else 'FAIL'} {rule.name}: {rule.detail}")
