"""Draw the plots of a run as PNG from the plot data that evaluate wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

TITLES = {"roc": "ROC curve", "precision_recall": "Precision and recall"}
WHITE_ABOVE = 0.7
"""Share of the darkest colour from which white text is easier to read than black on it."""


def write_figures(plots: Path, folder: Path) -> None:
    """Write one PNG into `folder` for each CSV in `plots` that has rows."""
    for path in sorted(plots.glob("*.csv")):
        # As text: a label may look like a number or a missing value.
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        if len(rows) and path.stem in DRAW:
            figure = Figure(figsize=(6, 4.5), layout="constrained")
            axes = figure.add_subplot()
            axes.set_title(TITLES.get(path.stem, path.stem.replace("_", " ").capitalize()))
            DRAW[path.stem](axes, rows)
            figure.savefig(folder / f"{path.stem}.png", dpi=100)


def _numbers(rows: pd.DataFrame, name: str) -> pd.Series:
    return pd.to_numeric(rows[name])


def _curve(
    x: str, y: str, xlabel: str, ylabel: str, diagonal: bool = False, by: str = "class", marker: str = ""
):
    """Return a function that draws column `y` over `x`, one line per value of the column `by`."""

    def draw(axes: Axes, rows: pd.DataFrame) -> None:
        if diagonal:
            axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
        groups = list(rows.groupby(by, sort=False)) if by in rows else [("", rows)]
        for name, group in groups:
            axes.plot(_numbers(group, x), _numbers(group, y), marker=marker, label=name)
        axes.set(xlabel=xlabel, ylabel=ylabel or rows["metric"][0])
        if 1 < len(groups) <= 12:
            axes.legend(fontsize="small")

    return draw


def _confusion(axes: Axes, rows: pd.DataFrame) -> None:
    labels = rows["actual"].unique()
    cells = rows.set_index(["actual", "predicted"])["rows"].astype(float).unstack(fill_value=0)
    counts = cells.reindex(index=labels, columns=labels, fill_value=0).to_numpy()
    axes.imshow(counts, cmap="Blues")
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="predicted", ylabel="actual")
    if len(labels) <= 20:
        for (i, j), count in np.ndenumerate(counts):
            color = "white" if count > WHITE_ABOVE * counts.max() else "black"
            axes.text(j, i, f"{count:g}", ha="center", va="center", color=color)


def _predicted_vs_actual(axes: Axes, rows: pd.DataFrame) -> None:
    actual = _numbers(rows, "actual")
    axes.plot([min(actual), max(actual)], [min(actual), max(actual)], linestyle=":", color="grey")
    axes.scatter(actual, _numbers(rows, "predicted"), s=8)
    axes.set(xlabel="actual", ylabel="predicted")


def _residuals(axes: Axes, rows: pd.DataFrame) -> None:
    low, high = _numbers(rows, "low"), _numbers(rows, "high")
    axes.bar(low, _numbers(rows, "rows"), high - low, align="edge")
    axes.set(xlabel="predicted - actual", ylabel="rows")


def _importance(axes: Axes, rows: pd.DataFrame) -> None:
    top = rows[:20][::-1]
    axes.barh(top["feature"].str[:40], _numbers(top, "importance"))
    axes.set(xlabel="importance (share)")


DRAW: dict[str, Callable[[Axes, pd.DataFrame], None]] = {
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
