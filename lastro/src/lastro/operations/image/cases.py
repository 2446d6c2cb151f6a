"""The held-out rows as requests in every form that the app reads, and requests that it has to refuse."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from lastro.tables.schema import Schema

JSON, CSV = "application/json", "text/csv"
ROWS = 1_000
"""Of one request."""


def good(table: pa.Table, schema: Schema) -> Iterator[tuple[str, str, bytes]]:
    """Write a slice of held-out rows in every form: (form, content type, body)."""
    columns = {column.name: _plain(table[column.name], column.kind) for column in schema.features}
    names = list(columns)
    cells = list(zip(*columns.values(), strict=True))
    records = [dict(zip(names, row, strict=True)) for row in cells]
    yield "dataframe_split", JSON, _json({"dataframe_split": {"columns": names, "data": cells}})
    yield "dataframe_records", JSON, _json({"dataframe_records": records})
    yield "instances", JSON, _json({"instances": records})
    yield "inputs", JSON, _json({"inputs": columns})
    # Where an empty text is a category, CSV cannot tell it from what is missing.
    if not any(column.nullable and "" in (column.categories or ()) for column in schema.features):
        types = {"date": pa.string(), "float": pa.float64(), "integer": pa.float64()}
        fields = [pa.field(c.name, types.get(c.kind, table[c.name].type)) for c in schema.features]
        sink = io.BytesIO()
        pyarrow.csv.write_csv(pa.table(columns, schema=pa.schema(fields)), sink)
        yield "csv", CSV, sink.getvalue()


def bad(schema: Schema, example: dict[str, Any]) -> Iterator[tuple[str, str | None, bytes]]:
    """Write requests that the app has to refuse: (what is wrong, content type, body)."""
    names, row = example["columns"], example["data"][0]
    split = {"columns": names, "data": [row]}
    unknown = dict(zip(names, row, strict=True)) | {"no such": 1}
    yield "no JSON", JSON, b"{"
    yield "no content type", None, _json({"dataframe_split": split})
    yield "another content type", "text/html", _json({"dataframe_split": split})
    yield "two forms", JSON, _json({"dataframe_split": split, "instances": []})
    yield "deep nesting", JSON, b'{"instances":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    yield "params", JSON, _json({"dataframe_split": split, "params": {"a": 1}})
    yield "an unknown column", JSON, _json({"instances": [unknown]})
    yield "a ragged row", JSON, _json({"dataframe_split": {"columns": names, "data": [[*row, 1]]}})
    yield "a list as a cell", JSON, _json({"dataframe_split": {"columns": names, "data": [[[]] * len(row)]}})
    if any(not column.nullable for column in schema.features):
        yield "a missing column", JSON, _json({"instances": [{}]})
        yield "a missing value", JSON, _json({"inputs": {name: [None] for name in names}})
    numbers = [column.name for column in schema.features if column.kind in ("float", "integer")]
    if numbers:
        at = names.index(numbers[0])
        head = b'{"dataframe_split":{"columns":' + _json(names) + b',"data":[['
        cells = {"Infinity": b"Infinity", "a number beyond range": b"1e400", "text for a number": b'"x"'}
        for problem, cell in cells.items():
            line = b",".join(cell if i == at else _json(value) for i, value in enumerate(row))
            yield problem, JSON, head + line + b"]]}}"


def _plain(column: pa.ChunkedArray, kind: str) -> list[Any]:
    if kind == "date":
        return [None if cell is None else cell.isoformat() for cell in column.to_pylist()]
    if kind in ("float", "integer"):
        # NaN is how a missing number may stand in prepared data; JSON has null.
        return pc.cast(column, pa.float64(), safe=False).to_pylist()
    return column.to_pylist()


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()
