"""Numbers and metrics as reports, tables and verdicts show them."""

from __future__ import annotations

import math
from typing import Any

HEADERS = ["metric", "value", "95 % interval", "baseline"]
SHOWN_BY_SLICE = 6
DIGITS = 6
"""Significant digits: the last ones of a float64 differ between processors, these don't."""


def rounded(value: float) -> float | None:
    """Round to six significant digits; None where it is NaN or infinite, which JSON cannot say.

    Adding 0 makes a negative zero a plain one.
    """
    return float(f"{value:.{DIGITS}g}") + 0.0 if math.isfinite(value) else None


def shown(value: float | None) -> str:
    """Show a value with six digits, `undefined` where there is none."""
    return "undefined" if value is None or not math.isfinite(value) else f"{value + 0.0:.{DIGITS}g}"


def shown_interval(low: float | None, high: float | None) -> str:
    """Show a 95 % interval."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "[undefined]"
    return f"[{shown(low)}, {shown(high)}]"


def number(value: float | None) -> str:
    """Show a value with four digits, `undefined` where there is none."""
    return "undefined" if value is None else f"{value:.4g}"


def metric_rows(metrics: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Tabulate name, value, interval and baseline of each metric, as text."""
    return [
        [
            name,
            number(metric["value"]),
            "undefined" if metric["low"] is None else f"{number(metric['low'])} to {number(metric['high'])}",
            number(metric["baseline"]),
        ]
        for name, metric in metrics.items()
    ]


def slice_metrics(groups: dict[str, Any]) -> list[str]:
    """Choose the first metrics, as many as a terminal has room for; evaluation.json and the model card hold all."""
    return list(next(iter(groups.values()))["metrics"])[:SHOWN_BY_SLICE] if groups else []


def slice_rows(groups: dict[str, Any]) -> list[list[str]]:
    """Tabulate group, rows, and the value of each shown metric, as text."""
    names = slice_metrics(groups)
    return [
        [group, str(found["rows"]), *(number(found["metrics"][name]["value"]) for name in names)]
        for group, found in groups.items()
    ]
