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


def shown(value: float | None, digits: int = DIGITS) -> str:
    """Show a value with six digits, `undefined` where there is none."""
    return "undefined" if value is None or not math.isfinite(value) else f"{value + 0.0:.{digits}g}"


def number(value: float | None) -> str:
    """Show a value with four digits, as tables do."""
    return shown(value, 4)


def number_range(low: float | None, high: float | None) -> str:
    """Show an interval in a table."""
    return "undefined" if low is None or high is None else f"{number(low)} to {number(high)}"


def metric_rows(metrics: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Tabulate name, value, interval and baseline of each metric, as text."""
    return [
        [name, number(found["value"]), number_range(found["low"], found["high"]), number(found["baseline"])]
        for name, found in metrics.items()
    ]


def slice_table(
    groups: dict[str, Any], maximum: int | None = SHOWN_BY_SLICE
) -> tuple[list[str], list[list[str]]]:
    """Tabulate group, rows and the first metrics of each slice, as many as a terminal has room for: headers and rows."""
    names = list(next(iter(groups.values()))["metrics"])[:maximum] if groups else []
    rows = [
        [group, str(found["rows"]), *(number(found["metrics"][name]["value"]) for name in names)]
        for group, found in groups.items()
    ]
    return ["rows", *names], rows
