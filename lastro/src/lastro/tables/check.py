"""Hold a table against a schema that was committed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lastro.core.errors import LastroError
from lastro.core.params import Data
from lastro.tables.cells import ARROW, NOUN, kind_of, read_columns
from lastro.tables.schema import Column, Schema
from lastro.tables.sources import Source, leave_out, read_source, shorten

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
    fix = "set one like the other, or infer anew by writing {} into the file"
    if committed.target.name != data.target:
        problem = f"describes the target {committed.target.name!r}, but data.target is {data.target!r}"
        raise LastroError(problem, where=COMMITTED, fix=fix)
    if data.task not in ("auto", committed.task):
        problem = f"describes a {committed.task}, but data.task is {data.task}"
        raise LastroError(problem, where=COMMITTED, fix=fix)
    known = [column.name for column in committed.features]
    for name in known:
        if name not in features:
            problem = f"column {name!r} is not there (or is ignored)"
            raise LastroError(problem, where=source.header, fix=f"expected it as {COMMITTED} says")
    for name in features:
        if name not in known:
            problem = f"column {name!r} is new, {COMMITTED} does not know it"
            raise LastroError(problem, where=source.header, fix=f"add it there, or {leave_out(name)}")
    source, nullable = _cast(source, committed.features, data.unseen_categories)
    target = _as_committed(source, committed.target)
    at = source.table.column_names.index(committed.target.name)
    source = replace(source, table=source.table.set_column(at, committed.target.name, target))
    if committed.task == "classification":
        _refuse_unseen_labels(source, committed, target)
    return source, replace(committed.with_missing(nullable), unseen_categories=data.unseen_categories)


def read_inputs(name: str, root: Path, schema: Schema) -> pa.Table:
    """Read the features of a table that is to be scored, as prepare reads one; its other columns are passed over.

    Raises:
        LastroError: see `check_against`.
    """
    source = read_source(name, root)
    columns = [c for c in schema.features if c.name in source.table.column_names or not c.nullable]
    for column in columns:
        if column.name not in source.table.column_names:
            raise LastroError(f"column {column.name!r} is not there", where=source.header, fix="add it")
    source = read_columns(source, [c.name for c in columns], {c.name: c for c in columns}, {})
    return _cast(source, columns, schema.unseen_categories)[0].table


def _cast(source: Source, columns: Iterable[Column], unseen: str) -> tuple[Source, list[str]]:
    """Cast the features to their kinds; with the names of those in which an unseen category became missing."""
    table, nullable = source.table, []
    for column in columns:
        array = _as_committed(source, column)
        if column.kind == "category":
            array, had_unseen = _known_categories(source, column, array, unseen)
            if had_unseen:
                nullable.append(column.name)
        table = table.set_column(table.column_names.index(column.name), column.name, array)
    return replace(source, table=table), nullable


def _as_committed(source: Source, column: Column) -> pa.ChunkedArray:
    array = source.table[column.name]
    found, says = kind_of(array), "as the schema says"
    if array.null_count and not column.nullable:
        row = pc.index(pc.is_null(array), True).as_py()
        raise source.error(row, f"column {column.name!r} is empty", f"expected a value in every row, {says}")
    if found == column.kind:
        return array
    if array.null_count == len(array):
        return pa.chunked_array([pa.nulls(len(array), ARROW[column.kind])])
    if found == "integer" and column.kind == "float":
        return array.cast(pa.float64(), safe=False)
    wrong = pc.is_valid(array)
    if found == "float" and column.kind == "integer":
        wrong = pc.or_(pc.not_equal(array, pc.floor(array)), pc.greater_equal(pc.abs(array), 2.0**63))
        if not pc.any(wrong).as_py():  # whole numbers written with a decimal point
            return array.cast(pa.int64())
    row = pc.index(wrong, True).as_py()
    problem = f"column {column.name!r} is {shorten(array[row].as_py())}"
    raise source.error(row, problem, f"expected {NOUN[column.kind]}, {says}")


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
    problem = f"column {column.name!r} is {shorten(array[row].as_py())}, a category never seen"
    fix = f"add it to {COMMITTED}, or set data.unseen_categories: missing"
    raise source.error(row, f"{problem}; expected one of {shown}", fix)


def _refuse_unseen_labels(source: Source, committed: Schema, target: pa.ChunkedArray) -> None:
    unseen = pc.invert(pc.is_in(target, value_set=pa.array(list(committed.labels)).cast(target.type)))
    row = pc.index(unseen, True).as_py()
    if row >= 0:
        problem = (
            f"target column {committed.target.name!r} is {shorten(target[row].as_py())}, a class never seen"
        )
        known = ", ".join(map(str, committed.labels))
        raise source.error(row, f"{problem}; expected one of {known}", f"add it to {COMMITTED}")
