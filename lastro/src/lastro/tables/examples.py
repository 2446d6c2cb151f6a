"""The data sets that scikit-learn bundles, as CSV files."""

from __future__ import annotations

import csv
from pathlib import Path

EXAMPLES = ("breast_cancer", "diabetes", "digits", "iris", "wine")


def write_example(name: str, path: Path) -> None:
    """Write one of EXAMPLES as CSV; its target is the column `target`, with the names of the classes where there are any."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    target = bunch.target_names[bunch.target] if hasattr(bunch, "target_names") else bunch.target
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*map(str, bunch.feature_names), "target"])
        # Python's numbers: their text reads back as the same bits.
        writer.writerows(
            [*row, label] for row, label in zip(bunch.data.tolist(), target.tolist(), strict=True)
        )
