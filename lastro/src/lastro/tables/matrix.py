"""Prepared rows as the matrix that every family reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lastro.tables.schema import Column, Schema

DAY = 86_400_000_000
"""Microseconds."""


def read_columns(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read the named columns of a prepared file; all of them when None."""
    return pq.ParquetFile(path).read(columns=columns)


def to_matrix(table: pa.Table, schema: Schema) -> np.ndarray:
    """Encode a table as (n, p) float64 in the order of `schema.features`, NaN where a value is missing.

    Numbers as they are, booleans 0 and 1, dates as days since 1970-01-01 UTC with the time of day as the fraction,
    categories as their index in the schema; `lastro.artifact.columns` does the same to a request.
    """
    matrix = np.empty((len(table), len(schema.features)))
    for index, column in enumerate(schema.features):
        matrix[:, index] = _encode(table[column.name], column)
    return matrix


def _encode(array: pa.ChunkedArray, column: Column) -> np.ndarray:
    if column.kind == "category":
        array = pc.index_in(array, value_set=pa.array(column.categories, pa.string()))
    if column.kind == "date":
        days = array.cast(pa.int64()).cast(pa.float64(), safe=False).to_numpy()
        return days / DAY
    return array.cast(pa.float64(), safe=False).to_numpy()


def to_target(table: pa.Table, schema: Schema) -> np.ndarray:
    """Encode the target as (n,) int64 class indices in the order of `schema.labels`, or (n,) float64 values."""
    array = table[schema.target.name]
    if schema.task == "regression":
        return array.cast(pa.float64(), safe=False).to_numpy()
    labels = pa.array(list(schema.labels))
    return pc.index_in(array.cast(labels.type), value_set=labels).cast(pa.int64()).to_numpy()


def read_rows(path: Path, schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """Read X and y of a prepared file (see `to_matrix`, `to_target`), one column at a time, to need no second copy."""
    file = pq.ParquetFile(path)
    matrix = np.empty((file.metadata.num_rows, len(schema.features)))
    for index, column in enumerate(schema.features):
        matrix[:, index] = _encode(file.read(columns=[column.name])[column.name], column)
    return matrix, to_target(file.read(columns=[schema.target.name]), schema)
