"""The cells of a table, each checked against the schema, as the matrix that the model reads.

Numbers are as they are, booleans 0 and 1, dates days since 1970-01-01 UTC with the time of day as the fraction, categories
their index in the schema; NaN is a missing value. `lastro.tables.matrix` encodes a prepared table alike.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from itertools import chain, islice
from typing import Any

import numpy as np

# Relative: in a model's folder this package has another name.
from .errors import bad, too_many_rows
from .text import delimiter_of, microseconds, read_cell, read_date, to_utc

LARGEST = float(np.finfo(np.float32).max)
"""The libraries compute in float32; a larger number would become infinite on the way."""
DAY = 86_400_000_000
"""Microseconds."""
BLOCK = 2_000
"""Rows of a CSV that are held as Python objects at once."""
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
        self._readers = [_reader(column) for column in self.features]
        self.numeric = all(column["kind"] in ("float", "integer") for column in self.features)

    def order(self, given: Sequence[object]) -> list[int]:
        """Find each feature's index among the names `given`; -1 for one that may be missing and is.

        Raises:
            RefusedError: a name is unknown, stands there twice, or one is missing.
        """
        if tuple(given) == self.names:
            return list(range(len(given)))
        found = [-1] * len(self.names)
        for index, name in enumerate(given):
            at = self.position.get(name) if isinstance(name, str) else None
            if at is None:
                raise bad(
                    "unknown_column",
                    f"column {index + 1} of {len(given)} is no input of the model, which its schema lists",
                )
            if found[at] >= 0:
                raise bad("duplicate_column", "stands there twice, expected once", column=name)
            found[at] = index
        for name, index in zip(self.names, found, strict=True):
            if index < 0 and name in self._required:
                raise bad("missing_column", "is missing", column=name)
        return found

    def from_rows(
        self, given: Sequence[object], rows: Sequence[Sequence[Any]], booleans: bool = True
    ) -> np.ndarray:
        """Encode rows of cells in the order of the names `given` as (n, p) float64.

        booleans: False where no cell can be one, which numpy would take for a number.

        Raises:
            RefusedError: the names do not fit, a row is ragged, a cell is not what the schema says.
        """
        order = self.order(given)
        width = len(given)
        if self.numeric and (not booleans or set(map(type, chain.from_iterable(rows))) <= _NUMBERS):
            matrix = _numbers(rows, order)
            if matrix is not None:
                return matrix
        _refuse_ragged(rows, width)
        cells = list(zip(*rows, strict=True)) or [()] * width
        return self._encode(cells, order, len(rows))

    def from_columns(self, columns: dict[str, Sequence[Any]], n: int, first: int = 0) -> np.ndarray:
        """Encode columns of n cells each as (n, p) float64; see `from_rows`. first: number of the first row."""
        return self._encode(list(columns.values()), self.order(list(columns)), n, first)

    def read_csv(self, body: bytes, max_rows: float = math.inf) -> Iterator[tuple[int, dict[str, list[Any]]]]:
        """Read a CSV (UTF-8, one header) in blocks, at least one: the number of its first row, and the cells by column.

        Raises:
            RefusedError: it is no CSV, the names do not fit, a row is ragged, a cell is not of its column's kind.
        """
        delimiter = delimiter_of(body[: 2**20].decode("utf-8-sig", "replace"))
        text = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8-sig", newline="")
        lines = csv.reader(text, strict=True, delimiter=delimiter)
        try:
            header = next(lines, None)
            if not header:
                raise bad("bad_csv", "the body is empty, expected a header and rows")
            self.order(header)
            readers = [self._readers[self.position[name]] for name in header]
            filled, first = filter(None, lines), 0
            while (rows := list(islice(filled, BLOCK))) or not first:
                if first + len(rows) > max_rows:
                    raise too_many_rows(int(max_rows))
                _refuse_ragged(rows, len(header), first, f" between {delimiter!r}")
                cells = zip(*rows, strict=True) if rows else [()] * len(header)
                texts = zip(header, readers, cells, strict=True)
                yield first, {name: read(column, first) for name, read, column in texts}
                first += len(rows) or 1
        except UnicodeDecodeError:
            raise bad("bad_csv", "the body is not UTF-8") from None
        except csv.Error:
            problem = "the body is not CSV: a quote is not closed, or stands where none may"
            raise bad("bad_csv", problem) from None

    def _encode(self, cells: Sequence[Sequence[Any]], order: list[int], n: int, first: int = 0) -> np.ndarray:
        matrix = np.full((n, len(self.names)), np.nan)
        for at, index in enumerate(order):
            if index >= 0:
                matrix[:, at] = self._encoders[at](cells[index], first)
        return matrix


def _refuse_ragged(rows: Sequence[Sequence[Any]], width: int, first: int = 0, how: str = "") -> None:
    for index, row in enumerate(rows):
        if len(row) != width:
            raise bad("ragged_row", f"has {len(row)} cells{how}, expected {width}", first + index)


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


def _reader(column: dict[str, Any]) -> Callable[[Sequence[str], int], list[Any]]:
    """Return what reads the texts of a column; its second argument is the number of the first row."""
    name, missing = column["name"], frozenset(column.get("missing", ()))
    # An empty cell is missing, where that may be, also where the empty text is a category.
    categories = frozenset(column.get("categories", ())) - ({""} if column["nullable"] else set())
    kind = "float" if column["kind"] == "integer" else column["kind"]

    def read(texts: Sequence[str], first: int) -> list[Any]:
        joined = "".join(texts) if kind == "float" else ""
        # Python reads 1_000 and the digits of other scripts; nobody else does.
        if joined.isascii() and joined and "_" not in joined:
            try:
                numbers = list(map(float, texts))
            except ValueError:
                numbers = [math.inf]
            if all(map(math.isfinite, numbers)):
                return numbers
        values = []
        for index, text in enumerate(texts):
            try:
                values.append(read_cell(text, kind, categories, missing))
            except ValueError:
                problem = f"is no {kind}" if kind == "date" else "has the wrong type"
                refusal = "wrong_date" if kind == "date" else "wrong_type"
                raise bad(refusal, f"{problem}, expected {_EXPECTED[kind]}", first + index, name) from None
        return values

    return read


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
            "unknown_category", "is a category that the model does not know, which its schema lists"
        )
    return math.nan if code is None else code


def _date(value: Any) -> float:
    if type(value) is not str and not isinstance(value, date):
        raise TypeError
    try:
        if type(value) is str:
            moment = read_date(value)
        else:
            moment = to_utc(value if isinstance(value, datetime) else datetime(*value.timetuple()[:3]))
    except ValueError:
        raise ValueError("wrong_date", f"is no date, expected {_EXPECTED['date']}") from None
    # As a double first: so does a whole column of a prepared table.
    return float(microseconds(moment)) / DAY
