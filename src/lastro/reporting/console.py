"""The result of an evaluation as a table on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tabulate import tabulate

if TYPE_CHECKING:
    from lastro.evaluation.gate import Verdict
    from lastro.params.schema import Params


def number(value: float | None) -> str:
    """Four significant digits; a metric that is not defined says so."""
    return "undefined" if value is None else f"{value:.4g}"


def metric_rows(metrics: dict[str, dict[str, Any]]) -> list[list[str]]:
    """name, value, interval, baseline of each metric, as text."""
    return [
        [
            name,
            number(metric["value"]),
            "undefined" if metric["low"] is None else f"{number(metric['low'])} to {number(metric['high'])}",
            number(metric["baseline"]),
        ]
        for name, metric in metrics.items()
    ]


SHOWN_BY_SLICE = 6


def slice_metrics(groups: dict[str, Any]) -> list[str]:
    """The first metrics, as many as a terminal has room for; evaluation.json and the model card hold all."""
    return list(next(iter(groups.values()))["metrics"])[:SHOWN_BY_SLICE] if groups else []


def slice_rows(groups: dict[str, Any]) -> list[list[str]]:
    """group, rows, and the value of each shown metric, as text."""
    names = slice_metrics(groups)
    return [
        [group, str(found["rows"]), *(number(found["metrics"][name]["value"]) for name in names)]
        for group, found in groups.items()
    ]


HEADERS = ["metric", "value", "95 % interval", "baseline"]


def print_evaluation(params: Params, evaluation: dict[str, Any], verdict: Verdict) -> None:
    """Metrics with intervals and baseline, the slices' primary numbers, and the verdict rule by rule."""
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
    """The verdict, and each rule with its numbers."""
    print(f"verdict: {'pass' if verdict.passed else 'FAIL'}")
    for rule in verdict.rules:
        print(f"  {'ok  ' if rule.passed else 'FAIL'} {rule.name}: {rule.detail}")
