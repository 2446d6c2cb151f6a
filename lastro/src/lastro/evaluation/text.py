"""Metrics as the text of a table."""

from __future__ import annotations

from typing import Any


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
