"""Draw the plots of a run as PNG from the plot data that evaluate wrote."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Rows = list[dict[str, str]]
TITLES = {"roc": "ROC curve", "precision_recall": "Precision and recall"}
WHITE_ABOVE = 0.7
"""Share of the darkest colour from which white text is easier to read than black on it."""


def write_figures(plots: Path, folder: Path) -> None:
    """Write one PNG into `folder` for each CSV in `plots` that has rows."""
    for path in sorted(plots.glob("*.csv")):
        rows = read_rows(path)
        if rows and path.stem in DRAW:
            figure = Figure(figsize=(6, 4.5), layout="constrained")
            axes = figure.add_subplot()
            axes.set_title(TITLES.get(path.stem, path.stem.replace("_", " ").capitalize()))
            DRAW[path.stem](axes, rows)
            figure.savefig(folder / f"{path.stem}.png", dpi=100)


def read_rows(path: Path) -> Rows:
    """Read the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _numbers(rows: Rows, name: str) -> list[float]:
    return [float(row[name]) if row[name] else float("nan") for row in rows]


def _curve(
    x: str, y: str, xlabel: str, ylabel: str, diagonal: bool = False, by: str = "class", marker: str = ""
):
    """Return a function that draws column `y` over `x`, one line per value of the column `by`."""

    def draw(axes: Axes, rows: Rows) -> None:
        if diagonal:
            axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
        groups: dict[str, Rows] = {}
        for row in rows:
            groups.setdefault(row.get(by, ""), []).append(row)
        for name, group in groups.items():
            axes.plot(_numbers(group, x), _numbers(group, y), marker=marker, label=name)
        axes.set(xlabel=xlabel, ylabel=ylabel or rows[0]["metric"])
        if 1 < len(groups) <= 12:
            axes.legend(fontsize="small")

    return draw


def _confusion(axes: Axes, rows: Rows) -> None:
    labels = list(dict.fromkeys(row["actual"] for row in rows))
    cells = {(row["actual"], row["predicted"]): float(row["rows"]) for row in rows}
    counts = [[cells.get((actual, predicted), 0.0) for predicted in labels] for actual in labels]
    axes.imshow(counts, cmap="Blues")
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="predicted", ylabel="actual")
    maximum = max(map(max, counts))
    if len(labels) <= 20:
        for i, line in enumerate(counts):
            for j, count in enumerate(line):
                color = "white" if count > WHITE_ABOVE * maximum else "black"
                axes.text(j, i, f"{count:g}", ha="center", va="center", color=color)


def _predicted_vs_actual(axes: Axes, rows: Rows) -> None:
    actual = _numbers(rows, "actual")
    axes.plot([min(actual), max(actual)], [min(actual), max(actual)], linestyle=":", color="grey")
    axes.scatter(actual, _numbers(rows, "predicted"), s=8)
    axes.set(xlabel="actual", ylabel="predicted")


def _residuals(axes: Axes, rows: Rows) -> None:
    low, high = _numbers(rows, "low"), _numbers(rows, "high")
    axes.bar(low, _numbers(rows, "rows"), [b - a for a, b in zip(low, high, strict=True)], align="edge")
    axes.set(xlabel="predicted - actual", ylabel="rows")


def _importance(axes: Axes, rows: Rows) -> None:
    top = rows[:20][::-1]
    axes.barh([row["feature"][:40] for row in top], _numbers(top, "importance"))
    axes.set(xlabel="importance (share)")


DRAW: dict[str, Callable[[Axes, Rows], None]] = {
    "roc": _curve(
        "false_positive_rate",
        "true_positive_rate",
        "false positive rate",
        "true positive rate",
        diagonal=True,
    ),
    "precision_recall": _curve("recall", "precision", "recall", "precision"),
    "calibration": _curve(
        "predicted", "observed", "predicted probability", "observed share", diagonal=True, marker="o"
    ),
    "confusion": _confusion,
    "predicted_vs_actual": _predicted_vs_actual,
    "residuals": _residuals,
    "importance": _importance,
    # Its y axis is named by the metric in the rows.
    "learning_curve": _curve("iteration", "value", "iteration", "", by="part"),
}
