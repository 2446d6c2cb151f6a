"""A request's body as blocks of the matrix: JSON in MLflow's four forms, and CSV.

The protocol is MLflow's: https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from ..artifact.columns import LARGEST, Columns
from ..artifact.errors import RefusedError, bad, too_many_rows

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
CSV, JSON = "text/csv", "application/json"
FAST_FROM = 4 * 2**10
"""Bytes of a JSON body; below that a Python object per cell is cheaper than a second parser."""
SPARE_BRACKETS = 100_000
"""Brackets in a body that are no matter for memory; some may be part of a text."""


_NAMES = re.compile(rb'"\s*:')
"""The end of each name of an object."""


def media_type(header: str) -> str:
    """Read a Content-Type header.

    Raises:
        RefusedError: it names neither JSON nor CSV, or a parameter other than charset=utf-8.
    """
    name, _, parameters = header.partition(";")
    name = name.strip().lower()
    if name not in (JSON, CSV):
        raise RefusedError(415, "unsupported_media_type", f"expected Content-Type {JSON} or {CSV}")
    for parameter in filter(None, map(str.strip, parameters.split(";"))):
        key, _, value = parameter.partition("=")
        if key.strip().lower() != "charset" or value.strip().strip('"').lower() not in ("utf-8", "utf8"):
            raise RefusedError(
                415, "unsupported_media_type", "the only parameter of Content-Type is charset=utf-8"
            )
    return name


def read(media: str, body: bytes, columns: Columns, max_rows: int) -> Iterator[np.ndarray]:
    """Read a body as blocks (n, p) float64.

    Raises:
        RefusedError: the body is not what its type says, a cell is not what the schema says, or there are too many rows.
    """
    if media == CSV:
        blocks = columns.read_csv(body, max_rows)
        return (
            columns.from_columns(cells, len(next(iter(cells.values()))), first) for first, cells in blocks
        )
    matrix = read_numbers(body, columns, max_rows)
    return iter((read_json(body, columns, max_rows) if matrix is None else matrix,))


def read_numbers(body: bytes, columns: Columns, max_rows: int) -> np.ndarray | None:
    """Read a dataframe_split of columns and data, nothing but numbers, without a Python object per cell.

    Returns None for whatever is unusual or wrong, which `read_json` reads or refuses. Both give the same matrix, to the last
    bit: simdjson rounds numbers correctly, as Python and orjson do.
    """
    if len(body) < FAST_FROM or not columns.numeric or b"\\" in body:
        return None
    import simdjson

    # A parser keeps room for the largest body it has seen, so each body has one of its own.
    try:
        document = simdjson.Parser().parse(body)
        table = document["dataframe_split"]
        if len(document) != 1 or len(table) != 2:
            return None
        names, rows = table["columns"].as_list(), table["data"]
        order = columns.order(names)
        n = len(rows)
        if min(order, default=-1) < 0 or not 0 < n <= max_rows:
            return None
        # Numbers at any depth, in a row; anything else raises.
        cells = np.frombuffer(rows.as_buffer(of_type="d"))
        # One bracket a row and no other, so no list among the cells; and every row as long as the names.
        brackets = 2 + n + sum(name.count("[") for name in names)
        if body.count(b"[") != brackets or set(map(len, rows)) != {len(names)}:
            return None
    except (RefusedError, KeyError, TypeError, ValueError, RuntimeError, AttributeError):
        return None
    matrix = cells.reshape(n, len(names))
    # False for NaN too.
    if not max(matrix.max(), -matrix.min()) <= LARGEST:
        return None
    return matrix if order == sorted(order) else np.ascontiguousarray(matrix[:, order])


def read_json(body: bytes, columns: Columns, max_rows: int) -> np.ndarray:
    """Read a JSON body as one block; see `read`."""
    # Each row of the forms by rows is a list or an object: too many are seen before each becomes one of Python's.
    allowed = max(max_rows, SPARE_BRACKETS) + len(columns.names) + SPARE_BRACKETS
    if body.count(b"[") + body.count(b"{") > allowed:
        raise too_many_rows(max_rows)
    content = _load(body)
    if type(content) is not dict:
        raise bad("bad_form", f"expected a JSON object with one of {', '.join(FORMS)}")
    forms = [key for key in content if key in FORMS]
    if len(forms) != 1:
        raise bad("bad_form", f"expected exactly one of {', '.join(FORMS)}, found {len(forms)}")
    if content.get("params"):
        raise bad("bad_form", "the model takes no params; leave params out")
    if len(content) - ("params" in content) != 1:
        raise bad("bad_form", f"expected nothing beside {forms[0]}")
    table = content[forms[0]]
    if forms[0] == "dataframe_split":
        return _split(table, columns, max_rows, b"true" in body or b"false" in body)
    if type(table) is dict and forms[0] == "inputs":
        return _columnar(table, columns, max_rows)
    return _records(forms[0], table, columns, max_rows)


def _load(body: bytes) -> Any:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        problem = f"the body is not JSON (line {error.lineno}, column {error.colno})"
    else:
        # What looks like a name may be part of a text, so this finds a name that stands twice, and sometimes more.
        if len(_NAMES.findall(body)) == _count_names(content):
            return content
        problem = "the body is not JSON"
    # NaN, Infinity and long numbers, which Python's own reader takes: NaN is a missing value to pandas' clients, and the
    # others can be named by row and column.
    try:
        return json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise bad("bad_json", problem) from None


def _count_names(content: Any) -> int:
    if type(content) is dict:
        return len(content) + sum(map(_count_names, content.values()))
    # No object is anywhere else.
    if type(content) is list and content and type(content[0]) is dict:
        return sum(map(_count_names, content))
    return 0


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise bad("duplicate_key", "an object of the body names a key twice")
    return content


def _split(table: Any, columns: Columns, max_rows: int, booleans: bool) -> np.ndarray:
    if type(table) is not dict or not {"columns", "data"} <= table.keys() <= {"columns", "data", "index"}:
        raise bad("bad_form", "dataframe_split: expected an object with columns and data")
    names, rows = table["columns"], table["data"]
    if type(names) is not list or type(rows) is not list:
        raise bad("bad_form", "dataframe_split: expected lists as columns and data")
    if len(rows) > max_rows:
        raise too_many_rows(max_rows)
    for index, row in enumerate(rows):
        if type(row) is not list:
            raise bad("bad_form", "expected a list of cells", index)
    return columns.from_rows(names, rows, booleans=booleans)


def _records(form: str, table: Any, columns: Columns, max_rows: int) -> np.ndarray:
    if type(table) is not list:
        raise bad("bad_form", f"{form}: expected a list of objects")
    if len(table) > max_rows:
        raise too_many_rows(max_rows)
    for index, record in enumerate(table):
        if type(record) is not dict:
            raise bad("bad_form", "expected an object that maps the names of the inputs to values", index)
    names = list(table[0]) if table else columns.names
    if any(record.keys() != table[0].keys() for record in table):
        # An input that may be missing may be left out of some records.
        for index, record in enumerate(table):
            try:
                columns.order(list(record))
            except RefusedError as refusal:
                raise bad(refusal.kind, refusal.message, index) from None
        names = columns.names
    return columns.from_rows(names, [[record.get(name) for name in names] for record in table])


def _columnar(table: dict[str, Any], columns: Columns, max_rows: int) -> np.ndarray:
    lengths = set()
    for name, cells in table.items():
        if type(cells) is not list:
            known = name if name in columns.position else None
            raise bad("bad_form", "inputs: expected a list of values", column=known)
        lengths.add(len(cells))
    if len(lengths) > 1:
        raise bad("ragged_row", "inputs: the columns have different lengths, expected one")
    n = max(lengths, default=0)
    if n > max_rows:
        raise too_many_rows(max_rows)
    return columns.from_columns(table, n)
