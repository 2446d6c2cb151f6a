"""Charts that GitHub draws: Mermaid for lines, a table of blocks for bars."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from lastro.core.markdown import code, table
from lastro.evaluation.text import rounded
from lastro.operations.report.content import Chart

POINTS = 21
MAXIMUM_LINES, MAXIMUM_BARS, BAR = 4, 12, 20
_TITLES = {
    "roc": ("ROC curve", "false positive rate", '"true positive rate" 0 --> 1'),
    "calibration": ("Calibration", "predicted probability", '"observed share" 0 --> 1'),
    "learning": ("Learning curve", "iteration", '"metric"'),
}
_COLOURS = {"blue": "#2f81f7", "orange": "#d4700a", "green": "#2da44e", "purple": "#9a5ff0"}
"""Told apart on white and on GitHub's dark; Mermaid's own first colour cannot be seen on white."""
_THEME = f'''%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{", ".join(_COLOURS.values())}"}}}}}}}}%%'''


def charts(plots: Path) -> list[Chart]:
    """Make the charts that the folder of plot data has rows for."""
    found = [
        _lines("roc", _read(plots / "roc.csv"), "false_positive_rate", "true_positive_rate", "class"),
        _lines("calibration", _read(plots / "calibration.csv"), "predicted", "observed", "class"),
        _learning(_read(plots / "learning_curve.csv")),
        _importance(_read(plots / "importance.csv")),
    ]
    return [chart for chart in found if chart is not None]


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _lines(kind: str, rows: list[dict[str, str]], x: str, y: str, by: str) -> Chart | None:
    """Draw one line per value of `by`, at evenly spaced x: all that Mermaid's xychart can draw."""
    names = list(dict.fromkeys(row.get(by, "") for row in rows))[:MAXIMUM_LINES]
    if not names:
        return None
    series = {}
    for name in names:
        # A step of the curve at one x ends at its highest point.
        highest: dict[float, float] = {}
        for row in (row for row in rows if row.get(by, "") == name):
            at, value = float(row[x]), float(row[y])
            highest[at] = max(value, highest.get(at, value))
        series[name] = dict(sorted(highest.items()))
    low = min(min(points) for points in series.values())
    high = max(max(points) for points in series.values())
    if not low < high:
        return None
    even = np.linspace(low, high, POINTS)
    lines = {
        name: [rounded(value) for value in np.interp(even, list(points), list(points.values()))]
        for name, points in series.items()
    }
    return Chart(kind=kind, x_low=rounded(low), x_high=rounded(high), lines=lines)


def _learning(rows: list[dict[str, str]]) -> Chart | None:
    metric = rows[0]["metric"] if rows else None
    shown = [{**row, "part": f"{row['part']} {metric}"} for row in rows if row["metric"] == metric]
    return _lines("learning", shown, "iteration", "value", "part")


def _importance(rows: list[dict[str, str]]) -> Chart | None:
    bars = {row["feature"]: rounded(float(row["importance"])) for row in rows[:MAXIMUM_BARS]}
    return Chart(kind="importance", bars={n: v for n, v in bars.items() if v}) if any(bars.values()) else None


def render(chart: Chart) -> str:
    """Render a chart as Markdown."""
    if chart.kind == "importance":
        return _bars(chart)
    title, x, y = _TITLES[chart.kind]
    lines = "\n".join(
        f"    line [{', '.join('0' if v is None else format(v, '.4g') for v in values)}]"
        for values in chart.lines.values()
    )
    names = [
        f"{colour}: {code(name, 60)}" for colour, name in zip(_COLOURS, chart.lines, strict=False) if name
    ]
    legend = f"\n\n{'; '.join(names)}." if names else ""
    # Names from the data stand below the diagram: inside it only our own words are safe.
    return (
        f'```mermaid\n{_THEME}\nxychart-beta\n    title "{title}"\n'
        f'    x-axis "{x}" {chart.x_low:.4g} --> {chart.x_high:.4g}\n    y-axis {y}\n{lines}\n```{legend}'
    )


def _bars(chart: Chart) -> str:
    top = max((abs(value) for value in chart.bars.values() if value), default=1.0)
    rows = [
        [code(name, 60), f"{value:.4g}", "█" * max(1, round(BAR * abs(value) / top))]
        for name, value in chart.bars.items()
        if value
    ]
    return f"**Feature importance**\n\n{table(['feature', 'importance', ''], rows)}"
