"""The encoding of a table as a matrix, for data frames: as `lastro.tables.matrix` encodes Arrow tables.

Numbers are as they are, booleans 0 and 1, dates days since 1970-01-01 UTC with the time of day as the fraction,
categories their index in the schema; NaN is a missing value. Takes the schema as the JSON object that prepare writes,
because this package travels with the model, alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

DAY = 86_400_000_000
"""Microseconds."""


def encode_frame(frame: pd.DataFrame, schema: dict[str, Any]) -> np.ndarray:
    """Encode a data frame as (n, p) float64 in the order of the schema's features.

    Raises:
        ValueError: a feature is not among the columns, or a category is unknown where the schema says error.
    """
    matrix = np.empty((len(frame), len(schema["features"])))
    for index, column in enumerate(schema["features"]):
        if column["name"] not in frame.columns:
            raise ValueError(f"column {column['name']!r} is missing")
        matrix[:, index] = _encode(frame[column["name"]], column, schema["unseen_categories"])
    return matrix


def _encode(values: pd.Series, column: dict[str, Any], unseen: str) -> np.ndarray:
    import pandas as pd

    if column["kind"] == "category":
        codes = pd.Index(column["categories"]).get_indexer(values.astype(object))
        known = codes >= 0
        if unseen == "error" and not (known | values.isna().to_numpy()).all():
            row = int(np.argmin(known | values.isna().to_numpy()))
            raise ValueError(
                f"row {row}: column {column['name']!r} holds a category that the model does not know"
            )
        return np.where(known, codes, np.nan)
    if column["kind"] == "date":
        moments = pd.to_datetime(values, utc=True).dt.tz_localize(None).astype("datetime64[us]")
        days = moments.astype("int64").to_numpy() / DAY
        return np.where(moments.isna(), np.nan, days)
    return pd.to_numeric(values).to_numpy(dtype=float, na_value=np.nan)
