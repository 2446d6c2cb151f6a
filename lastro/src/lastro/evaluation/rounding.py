"""Numbers as reports and verdicts show them."""

from __future__ import annotations

import math

DIGITS = 6
"""Significant digits: the last ones of a float64 differ between processors, these don't."""


def rounded(value: float) -> float | None:
    """The value to six significant digits; None where it is NaN or infinite, which JSON cannot say.

    Adding 0 makes a negative zero a plain one.
    """
    return float(f"{value:.{DIGITS}g}") + 0.0 if math.isfinite(value) else None


def shown(value: float | None) -> str:
    """The value as text, `undefined` where there is none."""
    return "undefined" if value is None or not math.isfinite(value) else f"{value + 0.0:.{DIGITS}g}"


def shown_interval(low: float | None, high: float | None) -> str:
    """A 95 % interval as text."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "[undefined]"
    return f"[{shown(low)}, {shown(high)}]"
