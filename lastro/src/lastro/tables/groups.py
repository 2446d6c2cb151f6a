"""The groups of a slice column, as text."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MISSING = "(missing)"
BINS = 4
"""Numbers with more distinct values than `MAX_VALUES` are cut into this many quantile ranges."""
MAX_VALUES = 10


def group_names(array: pa.ChunkedArray) -> np.ndarray:
    """Name the group of each row, (n,) str: categories and booleans by value, dates by year, numbers by value or quartile."""
    types = pa.types
    if types.is_timestamp(array.type):
        array = pc.year(array)
    elif types.is_integer(array.type) or types.is_floating(array.type):
        array = _binned(array)
    return np.array(pc.fill_null(array.cast(pa.string()), MISSING).to_pylist(), dtype=str)


def _binned(array: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if pc.count_distinct(array, mode="only_valid").as_py() <= MAX_VALUES:
        return array
    values = array.cast(pa.float64(), safe=False).to_numpy()
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, BINS + 1)))
    names = np.array([f"{low} to {high}" for low, high in itertools.pairwise(_written(edges))])
    index = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(names) - 1)
    return pa.array(names[index], pa.string(), mask=np.isnan(values))


def _written(edges: np.ndarray) -> list[str]:
    """Distinct numbers in the fewest digits, six or more, that tell them apart: bins of one name would be one group."""
    for digits in range(6, 18):
        texts = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(texts)) == len(texts):
            break
    return texts
