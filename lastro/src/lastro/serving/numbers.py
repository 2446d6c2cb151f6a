"""Large JSON bodies of nothing but numbers, read into the matrix without a Python object per cell.

Only good requests are read here, and only the common form; whatever is unusual is left to `bodies`, which also words the
refusals. Both give the same matrix, to the last bit: simdjson rounds numbers correctly, as Python and orjson do.
"""

from __future__ import annotations

import numpy as np

from .columns import LARGEST, Columns

SMALLEST = 4 * 2**10
"""Bytes; below that a Python object per cell is cheaper than a second parser."""


def read_numbers(body: bytes, columns: Columns, most: int) -> np.ndarray | None:
    """(n, p) float64 of {"dataframe_split": {"columns": [...], "data": [[...], ...]}}; None where `bodies` has to look."""
    if len(body) < SMALLEST or not columns.numeric or b"\\" in body:
        return None
    import simdjson

    # A parser keeps room for the largest body it has seen, so each body has one of its own.
    try:
        document = simdjson.Parser().parse(body)
        table = document["dataframe_split"]
        if len(document) != 1 or len(table) != 2:
            return None
        names, rows = table["columns"].as_list(), table["data"]
        order = columns.given(names)
        n = len(rows)
        if order is None or not 0 < n <= most:
            return None
        # Numbers at any depth, in a row; anything else raises.
        cells = np.frombuffer(rows.as_buffer(of_type="d"))
        # One bracket a row and no other, so no list among the cells; and every row as long as the names.
        brackets = 2 + n + sum(name.count("[") for name in names)
        if body.count(b"[") != brackets or set(map(len, rows)) != {len(names)}:
            return None
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError):
        return None
    matrix = cells.reshape(n, len(names))
    # False for NaN too.
    if not max(matrix.max(), -matrix.min()) <= LARGEST:
        return None
    return matrix if order == sorted(order) else np.ascontiguousarray(matrix[:, order])
