"""Hold a table against a schema that was committed."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from lastro.core.errors import LastroError
from lastro.core.params import Data
from lastro.tables.infer import kind_of, shorten
from lastro.tables.schema import Column, Schema
from lastro.tables.sources import Source

COMMITTED = "data/schema.json"


def check_against(
    source: Source, features: list[str], committed: Schema, data: Data
) -> tuple[Source, Schema]:
    """Cast the table to the committed types, and return it with the schema that it then has.

    Categories that the schema does not know are an error, or missing values, as `data.unseen_categories` says;
    a class label that it does not know is always an error.

    Raises:
        LastroError: a column that is missing, new or of another type; a missing value, a category or a label
            that the schema does not allow. The message names file, column, first offending row, what was expected.
    """
    if committed.target.name != data.target:
        raise LastroError(
            f"describes the target {committed.target.name!r}, but data.target is {data.target!r}",
            where=COMMITTED,
            fix="set one like the other, or infer anew by writing {} into the file",
        )
    if data.task not in ("auto", committed.task):
        raise LastroError(
            f"describes a {committed.task}, but data.task is {data.task}",
            where=COMMITTED,
            fix="set one like the other, or infer anew by writing {} into the file",
        )
    known = [column.name for column in committed.features]
    for name in known:
        if name not in features:
            raise LastroError(
                f"column {name!r} is not there (or is ignored)",
                where=source.at(0),
                fix=f"expected it as {COMMITTED} says",
            )
    for name in features:
        if name not in known:
            raise LastroError(
                f"column {name!r} is new, {COMMITTED} does not know it",
                where=source.at(0),
                fix=f"add it there, or leave it out: data.ignore: [{json.dumps(name, ensure_ascii=False)}]",
            )
    table = source.table
    nullable = []
    for column in (*committed.features, committed.target):
        array = _as_committed(source, column)
        if column.kind == "category" and column is not committed.target:
            array, had_unseen = _known_categories(source, column, array, data.unseen_categories)
            if had_unseen:
                nullable.append(column.name)
        table = table.set_column(table.column_names.index(column.name), column.name, array)
    if committed.task == "classification":
        _refuse_unseen_labels(source, committed, table[committed.target.name])
    schema = replace(committed.with_missing(nullable), unseen_categories=data.unseen_categories)
    return Source(source.name, table, source.parts), schema


def _as_committed(source: Source, column: Column) -> pa.ChunkedArray:
    array = source.table[column.name]
    found = kind_of(array)
    if array.null_count and not column.nullable:
        row = pc.index(pc.is_null(array), True).as_py()
        raise LastroError(
            f"column {column.name!r} is empty",
            where=source.at(row),
            fix=f"expected a value in every row, as {COMMITTED} says",
        )
    if found == column.kind:
        return array
    if array.null_count == len(array):
        return pa.chunked_array([pa.nulls(len(array), ARROW[column.kind])])
    if found == "integer" and column.kind == "float":
        return array.cast(pa.float64(), safe=False)
    row = _first_offence(array, column.kind)
    if row is None:  # whole numbers written with a decimal point
        return array.cast(pa.int64())
    raise LastroError(
        f"column {column.name!r} is {shorten(array[row].as_py())}",
        where=source.at(row),
        fix=f"expected {NOUN[column.kind]}, as {COMMITTED} says",
    )


ARROW = {
    "float": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "category": pa.string(),
    "date": pa.timestamp("us"),
}
NOUN = {
    "float": "a number",
    "integer": "a whole number of at most 64 bits",
    "boolean": "a boolean",
    "category": "text",
    "date": "a date",
}


def _first_offence(array: pa.ChunkedArray, kind: str) -> int | None:
    """The first row whose value is not of the kind; None when floats are all whole and integers are asked for."""
    if kind == "integer" and pa.types.is_floating(array.type):
        offences = pc.or_(pc.not_equal(array, pc.floor(array)), pc.greater_equal(pc.abs(array), 2.0**63))
        row = pc.index(offences, True).as_py()
        return None if row < 0 else row
    for row, value in enumerate(array.to_pylist()):
        if value is not None and not (isinstance(value, str) and _reads_as(value, kind)):
            return row
    return 0


def _reads_as(text: str, kind: str) -> bool:
    try:
        pa.scalar(text).cast(ARROW[kind])
    except pa.ArrowInvalid:
        return False
    return True


def _known_categories(
    source: Source, column: Column, array: pa.ChunkedArray, policy: str
) -> tuple[pa.ChunkedArray, bool]:
    known = pc.is_in(array, value_set=pa.array(column.categories, pa.string()))
    unseen = pc.and_(pc.is_valid(array), pc.invert(known))
    row = pc.index(unseen, True).as_py()
    if row < 0:
        return array, False
    if policy == "missing":
        return pc.if_else(unseen, None, array), True
    shown = ", ".join(column.categories[:5]) + (", ..." if len(column.categories) > 5 else "")
    raise LastroError(
        f"column {column.name!r} is {shorten(array[row].as_py())}, a category never seen; expected one of "
        f"{shown}",
        where=source.at(row),
        fix=f"add it to {COMMITTED}, or set data.unseen_categories: missing",
    )


def _refuse_unseen_labels(source: Source, committed: Schema, target: pa.ChunkedArray) -> None:
    for row, value in enumerate(target.to_pylist()):
        if value not in committed.labels:
            raise LastroError(
                f"target column {committed.target.name!r} is {shorten(value)}, a class never seen; expected one "
                f"of {', '.join(map(str, committed.labels))}",
                where=source.at(row),
                fix=f"add it to {COMMITTED}",
            )
