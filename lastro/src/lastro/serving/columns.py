"""Cells of a request, column by column, as the matrix that the model reads.

The encoding is that of `artifact.encoding`; here each cell is checked against the schema first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np

from .errors import bad

LARGEST = float(np.finfo(np.float32).max)
"""The libraries compute in float32; a larger number would become infinite on the way."""
DAY = 86_400_000_000
"""Microseconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERS = frozenset((int, float))
_EXPECTED = {
    "float": "a number",
    "integer": "a number",
    "boolean": "true or false",
    "category": "a text",
    "date": "a date as text in ISO 8601",
}


class Columns:
    """The model's inputs, in order.

    Args:
        schema: what prepare wrote to schema.json.

    Attributes:
        numeric: every input is a number.
    """

    def __init__(self, schema: dict[str, Any]):
        self.features = schema["features"]
        self.names = tuple(column["name"] for column in self.features)
        self.position = {name: index for index, name in enumerate(self.names)}
        self._required = frozenset(column["name"] for column in self.features if not column["nullable"])
        self._encoders = [_encoder(column, schema["unseen_categories"]) for column in self.features]
        self.numeric = all(column["kind"] in ("float", "integer") for column in self.features)

    def order(self, given: Sequence[object]) -> list[int]:
        """Find each feature's index among the names `given`; -1 for one that may be missing and is.

        Raises:
            RefusedError: a name is unknown, stands there twice, or one is missing.
        """
        found = [-1] * len(self.names)
        for index, name in enumerate(given):
            at = self.position.get(name) if isinstance(name, str) else None
            if at is None:
                raise bad(
                    "unknown_column",
                    f"column {index + 1} of {len(given)} is no input of the model; GET /schema lists the inputs",
                )
            if found[at] >= 0:
                raise bad("duplicate_column", "stands there twice, expected once", column=name)
            found[at] = index
        for name, index in zip(self.names, found, strict=True):
            if index < 0 and name in self._required:
                raise bad("missing_column", "is missing; GET /schema lists the inputs", column=name)
        return found

    def from_rows(
        self, given: Sequence[object], rows: Sequence[Sequence[Any]], first: int = 0, booleans: bool = True
    ) -> np.ndarray:
        """Encode rows of cells in the order of the names `given` as (n, p) float64.

        first: number of the first row. booleans: False where no cell can be one, which numpy would take for a number.

        Raises:
            RefusedError: the names do not fit, a row is ragged, a cell is not what the schema says.
        """
        order = self.order(given)
        width = len(given)
        if self.numeric and (not booleans or set(map(type, chain.from_iterable(rows))) <= _NUMBERS):
            matrix = _numbers(rows, order)
            if matrix is not None:
                return matrix
        for index, row in enumerate(rows):
            if len(row) != width:
                raise bad("ragged_row", f"has {len(row)} cells, expected {width}", first + index)
        cells = list(zip(*rows, strict=True)) or [()] * width
        return self._encode(cells, order, len(rows), first)

    def from_columns(self, columns: dict[str, Sequence[Any]], n: int) -> np.ndarray:
        """Encode columns of n cells each as (n, p) float64; see `from_rows`."""
        return self._encode(list(columns.values()), self.order(list(columns)), n)

    def _encode(self, cells: Sequence[Sequence[Any]], order: list[int], n: int, first: int = 0) -> np.ndarray:
        matrix = np.full((n, len(self.names)), np.nan)
        for at, index in enumerate(order):
            if index >= 0:
                matrix[:, at] = self._encoders[at](cells[index], first)
        return matrix


def _numbers(rows: Sequence[Sequence[Any]], order: list[int]) -> np.ndarray | None:
    """Read rows of nothing but numbers; None where a cell has to be looked at by itself."""
    try:
        # Without a type of our own: numpy would read a text as a number, and None as NaN.
        matrix = np.array(rows)
    except (OverflowError, ValueError):
        return None
    if matrix.dtype.kind not in "fiu" or matrix.ndim != 2 or matrix.shape[1] != len(order) or min(order) < 0:
        return None
    if order != list(range(len(order))):
        matrix = matrix[:, order]
    matrix = np.ascontiguousarray(matrix, dtype=np.float64)
    # False for NaN too.
    return matrix if np.abs(matrix).max() <= LARGEST else None


def _encoder(column: dict[str, Any], unseen: str) -> Callable[[Sequence[Any], int], np.ndarray]:
    name, kind = column["name"], column["kind"]
    codes = {text: float(code) for code, text in enumerate(column.get("categories", ()))}
    encode_cell: Callable[[Any], float] = {
        "float": _number,
        "integer": _number,
        "boolean": _boolean,
        "category": lambda value: _category(value, codes, unseen),
        "date": _date,
    }[kind]

    def encode(values: Sequence[Any], first: int) -> np.ndarray:
        if encode_cell is _number and set(map(type, values)) <= _NUMBERS:
            try:
                numbers = np.array(values, dtype=np.float64)
            except OverflowError:
                numbers = np.array([np.inf])
            if len(numbers) and np.abs(numbers).max() <= LARGEST:
                return numbers
        out = np.empty(len(values))
        for index, value in enumerate(values):
            missing = value is None or (type(value) is float and math.isnan(value))
            if missing and not column["nullable"]:
                raise bad("missing_value", f"is missing, expected {_EXPECTED[kind]}", first + index, name)
            try:
                out[index] = np.nan if missing else encode_cell(value)
            except TypeError:
                problem = f"has the wrong type, expected {_EXPECTED[kind]}"
                raise bad("wrong_type", problem, first + index, name) from None
            except ValueError as error:
                raise bad(*error.args, first + index, name) from None
        return out

    return encode


# Each raises TypeError for a value of another type, and ValueError(kind, message) for another problem.


def _number(value: Any) -> float:
    if type(value) not in _NUMBERS:
        raise TypeError
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not abs(number) <= LARGEST:
        raise ValueError(
            "out_of_range", f"is out of range, expected a number between -{LARGEST:.3g} and {LARGEST:.3g}"
        )
    return number


def _boolean(value: Any) -> float:
    if type(value) is not bool:
        raise TypeError
    return float(value)


def _category(value: Any, codes: dict[str, float], unseen: str) -> float:
    if type(value) is not str:
        raise TypeError
    code = codes.get(value)
    if code is None and unseen == "error":
        raise ValueError(
            "unknown_category", "is a category that the model does not know; GET /schema lists them"
        )
    return math.nan if code is None else code


def _date(value: Any) -> float:
    if type(value) is not str:
        raise TypeError
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("wrong_date", f"is no date, expected {_EXPECTED['date']}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    passed = moment - _EPOCH
    return ((passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds) / DAY
