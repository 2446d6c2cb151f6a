"""Cells of a request, column by column, as the matrix that the model reads; the twin of `lastro.tables.matrix`.

The encoding is that of `lastro_scoring.encoding`; here each cell is checked against the schema first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import numpy as np

from .errors import RefusedError, bad

LARGEST = float(np.finfo(np.float32).max)
"""The libraries compute in float32; a larger number would become infinite on the way."""
DAY = 86_400_000_000
"""Microseconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERS = frozenset((int, float))
_WANTED = {
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
        self.required = frozenset(column["name"] for column in self.features if not column["nullable"])
        self._encode = [_encoder(column, schema["unseen_categories"]) for column in self.features]
        self.numeric = all(column["kind"] in ("float", "integer") for column in self.features)

    def order(self, given: Sequence[object]) -> list[int]:
        """For each feature the index among the names `given`; -1 for one that may be missing and is.

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
        for at, index in enumerate(found):
            if index < 0 and self.names[at] in self.required:
                raise bad("missing_column", "is missing; GET /schema lists the inputs", column=self.names[at])
        return found

    def given(self, names: Sequence[object]) -> list[int] | None:
        """As `order`; None where a name does not fit or an input is left out."""
        try:
            order = self.order(names)
        except RefusedError:
            return None
        return order if min(order, default=-1) >= 0 else None

    def from_rows(
        self, given: Sequence[object], rows: Sequence[Sequence[Any]], first: int = 0, booleans: bool = True
    ) -> np.ndarray:
        """(n, p) float64 of rows of cells in the order of the names `given`.

        first: number of the first row. booleans: False where no cell can be one, which numpy would take for a number.

        Raises:
            RefusedError: the names do not fit, a row is ragged, a cell is not what the schema says.
        """
        order = self.order(given)
        width = len(given)
        if self.numeric and (not booleans or set(map(type, chain.from_iterable(rows))) <= _NUMBERS):
            matrix = self._plain(rows, order)
            if matrix is not None:
                return matrix
        for index, row in enumerate(rows):
            if len(row) != width:
                raise bad("ragged_row", f"has {len(row)} cells, expected {width}", first + index)
        cells = list(zip(*rows, strict=True)) or [()] * width
        return self._by_column(len(rows), [cells[index] if index >= 0 else None for index in order], first)

    def from_columns(self, columns: dict[str, Sequence[Any]], n: int) -> np.ndarray:
        """(n, p) float64 of columns of n cells each; see `from_rows`."""
        cells = list(columns.values())
        order = self.order(list(columns))
        return self._by_column(n, [cells[index] if index >= 0 else None for index in order], 0)

    def _plain(self, rows: Sequence[Sequence[Any]], order: list[int]) -> np.ndarray | None:
        """The matrix of nothing but numbers; None where something has to be said about one of them."""
        try:
            # Without a type of our own: numpy would read a text as a number, and None as NaN.
            matrix = np.array(rows)
        except (OverflowError, ValueError):
            return None
        if (
            matrix.dtype.kind not in "fiu"
            or matrix.ndim != 2
            or matrix.shape[1] != len(order)
            or min(order) < 0
        ):
            return None
        if order != list(range(len(order))):
            matrix = matrix[:, order]
        matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        # False for NaN too.
        return matrix if np.abs(matrix).max() <= LARGEST else None

    def _by_column(self, n: int, cells: list[Sequence[Any] | None], first: int) -> np.ndarray:
        matrix = np.full((n, len(self.names)), np.nan)
        for at, values in enumerate(cells):
            if values is not None:
                matrix[:, at] = self._encode[at](values, first)
        return matrix


def _encoder(column: dict[str, Any], unseen: str) -> Callable[[Sequence[Any], int], np.ndarray]:
    name, kind = column["name"], column["kind"]
    codes = {text: float(code) for code, text in enumerate(column.get("categories", ()))}
    single: Callable[[Any], float] = {
        "float": _number,
        "integer": _number,
        "boolean": _boolean,
        "category": lambda value: _category(value, codes, unseen),
        "date": _date,
    }[kind]

    def encode(values: Sequence[Any], first: int) -> np.ndarray:
        if single is _number and set(map(type, values)) <= _NUMBERS:
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
                raise bad("missing_value", f"is missing, expected {_WANTED[kind]}", first + index, name)
            try:
                out[index] = np.nan if missing else single(value)
            except TypeError:
                what = f"has the wrong type, expected {_WANTED[kind]}"
                raise bad("wrong_type", what, first + index, name) from None
            except (OverflowError, ValueError) as error:
                raise bad(*error.args, first + index, name) from None
        return out

    return encode


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
        raise ValueError("wrong_date", f"is no date, expected {_WANTED['date']}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    passed = moment - _EPOCH
    return ((passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds) / DAY


def too_many_rows(limit: int) -> RefusedError:
    """More rows than one request may bring."""
    return RefusedError(413, "too_many_rows", f"more than {limit} rows in one request; send them in several")
