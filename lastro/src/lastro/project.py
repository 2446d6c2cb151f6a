"""What your tests and notebooks may import: the prepared rows, the trained model, and whether dvc.lock is up to date.

These names are stable: a change of them is a major version of lastro. Everything else in the package may change.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lastro.core.paths import Paths, find_root

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load_model", "load_schema", "outdated", "read_rows"]


def load_schema(root: Path | None = None) -> dict[str, Any]:
    """Read data/prepared/schema.json: task, labels, target, and each feature with its kind and range.

    Raises:
        LastroError: the pipeline has not run.
    """
    import json

    from lastro.tables.schema import read_schema

    return json.loads(read_schema(_paths(root).schema).to_json())


def read_rows(part: Literal["train", "validation", "test"], root: Path | None = None) -> pd.DataFrame:
    """Read the prepared rows of one part: the features and the target, one row per row of the table."""
    import pandas as pd

    frame = pd.read_parquet(_paths(root).prepared / f"{part}.parquet")
    return frame.drop(columns=[name for name in frame.columns if name.startswith("__")])


def load_model(root: Path | None = None) -> Any:
    """Load the trained model. `predict(frame)` takes raw columns and returns a data frame: `prediction`, and for
    classification `probability_LABEL` for each label.
    """
    from lastro.artifact import native
    from lastro.artifact.pyfunc import ScoringModel
    from lastro.families import catalog

    paths = _paths(root)
    family = catalog.get(catalog.load_params(paths.params).model.family)
    predict = native.predict_xgboost if family.flavor == "xgboost" else native.predict_sklearn
    return ScoringModel(family.from_bytes(paths.model.read_bytes()), predict, load_schema(root))


def outdated(root: Path | None = None) -> list[str]:
    """List what makes dvc.lock outdated, one line each; empty where it is up to date."""
    from lastro.operations.lineage import lineage

    return [f"{item.stage}: {item.what}; {item.fix}" for item in lineage.read(_paths(root).root).outdated]


def _paths(root: Path | None) -> Paths:
    return Paths.of(root or find_root())
