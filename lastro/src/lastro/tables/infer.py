"""What each column is, read from its values."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

from lastro.core.errors import LastroError
from lastro.core.params import Data
from lastro.tables.schema import Column, Kind, Label, Schema
from lastro.tables.sources import Source

MAX_CLASSES_OF_NUMBERS = 20
"""`data.task: auto` takes whole numbers with at most this many distinct values for classes."""

MIN_TEXTS_TO_SUSPECT = 20
"""Below this many distinct texts a column is never taken for an identifier."""


def normalise(source: Source, columns: list[str]) -> Source:
    """Cast the named columns to the five kinds of the schema: double, int64, bool, string, timestamp in UTC.

    Raises:
        LastroError: a column of another type, text that is not UTF-8, infinity.
    """
    arrays = {name: _normalise(source, name) for name in columns}
    return Source(source.name, pa.table(arrays), source.parts)


def _normalise(source: Source, name: str) -> pa.ChunkedArray:
    column = source.table[name]
    kind = column.type
    types = pa.types
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if types.is_boolean(kind):
        return column
    if types.is_null(kind):
        return column.cast(pa.float64())
    if types.is_integer(kind):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            return column.cast(pa.float64(), safe=False)
    if types.is_floating(kind) or types.is_decimal(kind):
        column = column.cast(pa.float64())
        infinite = pc.is_inf(column)
        if pc.any(infinite).as_py():
            row = pc.index(infinite, True).as_py()
            raise LastroError(
                f"column {name!r} is infinite", where=source.at(row), fix="expected a number or an empty cell"
            )
        missing = pc.is_nan(column)
        return pc.if_else(missing, None, column) if pc.any(missing).as_py() else column
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return column.cast(pa.string())
    if types.is_date(kind) or types.is_timestamp(kind):
        # A time with a zone is the same instant in UTC; one without is taken as UTC.
        return column.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False).cast(
            pa.timestamp("us")
        )
    if types.is_binary(kind):
        for row, value in enumerate(column.to_pylist()):
            if not _is_utf8(value):
                raise LastroError(
                    f"column {name!r} is not UTF-8 text", where=source.at(row), fix="save the file as UTF-8"
                )
        return column.cast(pa.string())
    raise LastroError(
        f"column {name!r} holds {kind}; expected numbers, booleans, text or dates",
        where=source.name,
        fix=f"leave it out with data.ignore: [{json.dumps(name, ensure_ascii=False)}]",
    )


def _is_utf8(value: bytes | None) -> bool:
    try:
        return value is None or value.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False


def kind_of(array: pa.ChunkedArray) -> Kind:
    """Return the schema's kind of a normalised column."""
    types = pa.types
    if types.is_boolean(array.type):
        return "boolean"
    if types.is_integer(array.type):
        return "integer"
    if types.is_floating(array.type):
        return "float"
    return "category" if types.is_string(array.type) else "date"


ALMOST_ALL = 0.95
"""A text column with at least this share of numbers or dates is one with a slip in it, not a category."""
NUMBERS = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
DECIMAL_COMMA = r"^\s*[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+\s*$"
FORMS = {"numbers": NUMBERS, "dates": r"^\s*\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?\s*$"}


def infer_schema(source: Source, features: list[str], data: Data) -> Schema:
    """Infer the schema of a normalised table.

    Raises:
        LastroError: a text column that looks like an identifier or like numbers or dates with a slip, a target that does
            not fit the task.
    """
    target = _infer_column(source, data.target)
    # Whoever asks for classes gets them: such texts may be codes.
    if target.kind == "category" and data.task != "classification":
        fix = "" if data.task == "regression" else "; if these are classes, set data.task: classification"
        _refuse_slips(source, data.target, "target column", fix)
    task = resolve_task(source, data)
    labels = find_labels(source, data.target) if task == "classification" else ()
    columns = tuple(_infer_column(source, name) for name in features)
    for column in columns:
        if column.kind == "category":
            fix = f"; or leave the column out: data.ignore: [{json.dumps(column.name, ensure_ascii=False)}]"
            _refuse_slips(source, column.name, "column", fix)
            _refuse_identifier(source, column, data.max_categories)
    return Schema(task, target, labels, columns, data.unseen_categories)


def resolve_task(source: Source, data: Data) -> str:
    """Return `data.task`, decided from the target's values where it is auto.

    Raises:
        LastroError: the target cannot serve the task that params name.
    """
    array = source.table[data.target]
    kind = kind_of(array)
    if kind == "date":
        raise LastroError(
            f"target column {data.target!r} holds dates",
            where=source.name,
            fix="expected numbers, text or booleans: choose another data.target",
        )
    if kind in ("category", "boolean"):
        if data.task == "regression":
            # Where all of them read as numbers, they are so as texts, from the first row on.
            row = 0 if kind == "boolean" else max(0, pc.index(_matches(array, NUMBERS), False).as_py())
            raise LastroError(
                f"target column {data.target!r} is {shorten(array[row].as_py())}, and data.task: regression needs "
                "numbers",
                where=source.at(row),
                fix="write it as numbers, or set data.task: classification",
            )
        return "classification"
    fractions = pc.or_(pc.not_equal(array, pc.floor(array)), pc.greater(pc.abs(array), 2**53))
    whole = kind == "integer" or not pc.any(fractions).as_py()
    if data.task == "classification" and not whole:
        row = pc.index(fractions, True).as_py()
        raise LastroError(
            f"target column {data.target!r} is {array[row].as_py()!r}, and data.task: classification needs "
            "classes (text, booleans or whole numbers)",
            where=source.at(row),
            fix="set data.task: regression",
        )
    if data.task != "auto":
        return data.task
    return (
        "classification"
        if whole and pc.count_distinct(array).as_py() <= MAX_CLASSES_OF_NUMBERS
        else "regression"
    )


def find_labels(source: Source, target: str) -> tuple[Label, ...]:
    """Find the sorted class labels; whole numbers are integers whatever their column's type.

    Raises:
        LastroError: fewer than two.
    """
    array = source.table[target]
    if kind_of(array) == "float":
        array = array.cast(pa.int64())
    labels = tuple(sorted(pc.unique(array).to_pylist()))
    if len(labels) < 2:
        raise LastroError(
            f"target column {target!r} is {labels[0]!r} here and in every other row",
            where=source.at(0),
            fix="a classification needs at least two classes",
        )
    return labels


def _infer_column(source: Source, name: str) -> Column:
    array = source.table[name]
    kind = kind_of(array)
    nullable = array.null_count > 0
    if kind == "category":
        return Column(name, kind, nullable, tuple(sorted(pc.unique(array.drop_null()).to_pylist())))
    if kind == "boolean":
        return Column(name, kind, nullable)
    low, high = pc.min_max(array).as_py().values()
    if kind == "date" and low is not None:
        low, high = low.isoformat(), high.isoformat()
    return Column(name, kind, nullable, (), low, high)


def _refuse_slips(source: Source, name: str, role: str, fix: str) -> None:
    """Refuse a column of texts that are almost all numbers or dates; `role` and `fix` go into the message."""
    array = source.table[name]
    count = len(array) - array.null_count
    commas = _matches(array, DECIMAL_COMMA)
    row = pc.index(commas, True).as_py()
    # Whoever writes 7,5 writes 7 without a comma, so numbers of either form count together.
    either = pc.sum(pc.or_(commas, _matches(array, NUMBERS))).as_py() or 0
    if row >= 0 and either >= ALMOST_ALL * count:
        raise LastroError(
            f"{role} {name!r} is {shorten(array[row].as_py())}, a number with a decimal comma",
            where=source.at(row),
            fix=f"expected a decimal point: write the file with one{fix}",
        )
    for form, pattern in FORMS.items():
        fits = _matches(array, pattern)
        fitting = pc.sum(fits).as_py() or 0
        if ALMOST_ALL * count <= fitting < count:
            row = pc.index(fits, False).as_py()
            allowed = form if role == "target column" else f"{form} or an empty cell"
            raise LastroError(
                f"{role} {name!r} is {shorten(array[row].as_py())}, where {fitting} of {count} rows hold {form}",
                where=source.at(row),
                fix=f"expected {allowed}: correct the cell{fix}",
            )


def _matches(array: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    return pc.match_substring_regex(array, pattern)


def shorten(value: object) -> str:
    """Cut a cell to its first 60 characters, for messages."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse_identifier(source: Source, column: Column, maximum: int) -> None:
    array = source.table[column.name]
    distinct, rows = len(column.categories), len(array) - array.null_count
    maximum = min(maximum, max(MIN_TEXTS_TO_SUSPECT, rows // 2))
    if distinct <= maximum:
        return
    # A dictionary numbers the texts as they first appear: the first one too many is the offence.
    numbers = array.combine_chunks().dictionary_encode().indices
    row = pc.index(numbers, pa.scalar(maximum, numbers.type)).as_py()
    text = array[row].as_py()
    raise LastroError(
        f"{shorten(text)} is its text number {maximum + 1} ({distinct} distinct in {rows} rows); expected at "
        f"most {maximum}, so it looks like an identifier or free text",
        where=f"{source.at(row)}: column {column.name!r}",
        fix=f"leave it out: data.ignore: [{json.dumps(column.name, ensure_ascii=False)}]",
    )
