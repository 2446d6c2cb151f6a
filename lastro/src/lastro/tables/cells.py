"""What the cells of a source mean: each column becomes one of the schema's five kinds.

`lastro.artifact.text` says what a text means; here it is applied to whole columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from lastro.artifact import text
from lastro.core.params import ColumnMeaning
from lastro.tables.schema import Column, Kind
from lastro.tables.sources import Source, leave_out, shorten

ARROW: dict[Kind, pa.DataType] = {
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
    "date": "a date (2026-01-31)",
}
NUMBERS = ("integer", "float")
CODES = r"^[-+]?0[0-9]"
"""Whole numbers with leading zeros are codes: as numbers 007 and 7 would be one."""
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""The first and the last second of the years 1 to 9999, which are all that Python knows, from 1970."""


def read_columns(
    source: Source,
    names: Iterable[str],
    known: dict[str, Column],
    given: dict[str, ColumnMeaning],
    written: Collection[str] = (),
) -> Source:
    """Read the named columns as double, int64, bool, string or timestamp in UTC, null where a value is missing.

    Args:
        known: columns of the committed schema: their kinds and categories decide what a text means.
        given: what data.columns says.
        written: keys and groups; they stay texts where two texts would become one value.

    Raises:
        LastroError: a column of another type, text that is not UTF-8, infinity, a cell that is not of its column's kind.
    """
    arrays = {
        name: _read(source, name, known.get(name), given.get(name, ColumnMeaning()), name in written)
        for name in names
    }
    for name, array in arrays.items():
        if pa.types.is_floating(array.type):
            _refuse(source, name, pc.is_inf(array), "is infinite", "expected a number or an empty cell")
    return replace(source, table=pa.table(arrays))


def _read(
    source: Source, name: str, known: Column | None, given: ColumnMeaning, written: bool
) -> pa.ChunkedArray:
    array = _normalise(source, name)
    kinds = NUMBERS if given.kind == "number" else (given.kind,)
    if known and given.kind and known.kind not in kinds:
        problem = f"column {name!r} is {known.kind} in the schema and data.columns says {given.kind}"
        raise source.error(None, problem, "set one like the other")
    if pa.types.is_string(array.type) and not (source.typed and given == ColumnMeaning()):
        missing = [*given.missing, *(known.missing if known else ())]
        array = _without_missing(source, array, missing, known.categories if known else ())
        if known:
            # Decimals among whole numbers: what holds the table against the schema names the row.
            return _as_kind(source, name, array, NUMBERS if known.kind == "integer" else (known.kind,))
        if given.kind:
            return _as_kind(source, name, array, kinds)
        read = _infer(array)
        return array if written and pc.count_distinct(read) != pc.count_distinct(array) else read
    if given.kind == "category" and kind_of(array) in ("integer", "boolean"):
        return array.cast(pa.string())
    if given.kind and kind_of(array) not in kinds:
        problem = f"column {name!r} is {kind_of(array)} and data.columns says {given.kind}"
        raise source.error(0, problem, "correct data.columns in params.yaml")
    return array


def _normalise(source: Source, name: str) -> pa.ChunkedArray:
    """Cast any type of Arrow's to one of the five."""
    column = source.table[name]
    kind, types = column.type, pa.types
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if types.is_boolean(kind):
        return column
    if types.is_null(kind):
        return column.cast(pa.float64())
    if types.is_integer(kind) or (types.is_decimal(kind) and kind.scale == 0):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            # Beyond 64 bits: as decimals many of them would be one number.
            return column.cast(pa.string())
    if types.is_floating(kind) or types.is_decimal(kind):
        column = column.cast(pa.float64())
        return pc.if_else(pc.is_nan(column), None, column) if pc.any(pc.is_nan(column)).as_py() else column
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return column.cast(pa.string())
    if types.is_date(kind) or types.is_timestamp(kind):
        return _normalise_dates(source, name, column)
    if types.is_binary(kind):
        try:
            return column.cast(pa.string())
        except pa.ArrowInvalid:
            row = next(row for row, value in enumerate(column.to_pylist()) if not _is_utf8(value))
            raise source.error(row, f"column {name!r} is not UTF-8 text", "save the file as UTF-8") from None
    problem = f"column {name!r} holds {kind}; expected numbers, booleans, text or dates"
    raise source.error(None, problem, leave_out(name))


def _normalise_dates(source: Source, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s" if pa.types.is_date32(column.type) else "ms"))
    unit, zone = column.type.unit, column.type.tz
    if unit != "ns":
        seconds = pc.divide(column.cast(pa.int64()), {"s": 1, "ms": 10**3, "us": 10**6}[unit])
        far = pc.or_(pc.less(seconds, _FIRST), pc.greater(seconds, _LAST))
        problem = "is a date beyond the years 1 to 9999"
        _refuse(source, name, far, problem, "expected a date of these, or an empty cell")
    # A time with a zone is the same instant in UTC; one without is taken as UTC.
    return column.cast(pa.timestamp("us", tz=zone), safe=unit != "ns").cast(ARROW["date"])


def _refuse(source: Source, name: str, wrong: pa.ChunkedArray, problem: str, fix: str) -> None:
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        raise source.error(row, f"column {name!r} {problem}", fix)


def _is_utf8(value: bytes | None) -> bool:
    try:
        return value is None or value.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False


def _without_missing(
    source: Source, texts: pa.ChunkedArray, missing: Collection[str], categories: Collection[str]
) -> pa.ChunkedArray:
    """The texts, null where they stand for a missing value; in typed data only null does, beside what data.columns names."""
    names = list(missing) if source.typed else [*text.MISSING, *missing]
    gone = pc.is_in(trimmed(texts), value_set=pa.array(names, pa.string()))
    if categories:
        known = pa.array([category for category in categories if category], pa.string())
        gone = pc.and_(gone, pc.invert(pc.is_in(texts, value_set=known)))
    return pc.if_else(gone, None, texts)


def trimmed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the texts without blanks around them."""
    return pc.utf8_trim(texts, characters=text.BLANK)


def _as_kind(source: Source, name: str, texts: pa.ChunkedArray, kinds: tuple[Kind, ...]) -> pa.ChunkedArray:
    for kind in kinds:
        read, row = convert(texts, kind)
        if read is not None:
            return read
    problem = f"column {name!r} is {shorten(texts[row].as_py())}"
    raise source.error(row, problem, f"expected {NOUN[kind]}, as data.columns or the schema says")


def _infer(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Read texts as the narrowest kind that fits all of them."""
    if texts.null_count == len(texts):
        return texts.cast(pa.float64())
    whole, _ = convert(texts, "integer")
    if whole is not None:
        return texts if pc.any(pc.match_substring_regex(trimmed(texts), CODES)).as_py() else whole
    numbers, _ = convert(texts, "float")
    if numbers is not None:
        # Whole numbers beyond 64 bits: as decimals many of them would be one.
        whole = pc.all(pc.match_substring_regex(trimmed(texts), f"^{text.WHOLE}$")).as_py()
        return texts if whole else numbers
    for kind in ("boolean", "date"):
        read, _ = convert(texts, kind)
        if read is not None:
            return read
    return texts


def convert(texts: pa.ChunkedArray, kind: Kind) -> tuple[pa.ChunkedArray | None, int]:
    """Read each text as `lastro.artifact.text` does; None, and the first row that cannot be read, where one cannot."""
    if kind == "category":
        return texts, -1
    # Most columns of another kind show it in their first cells; a whole one takes long to fail.
    if len(texts) > 100:
        read, row = convert(texts.slice(0, 100), kind)
        if read is None:
            return None, row
    if kind in NUMBERS:
        # Arrow's own reader gives the same numbers much faster, and takes hexadecimal numbers, infinities and nan besides.
        try:
            fast = texts.cast(ARROW[kind])
            odd = pc.match_substring(texts, "x", ignore_case=True)
            if not pc.any(odd if kind == "integer" else pc.invert(pc.is_finite(fast))).as_py():
                return fast, -1
        except pa.ArrowInvalid:
            pass
    encoded = texts.combine_chunks().dictionary_encode()
    values = []
    for code, cell in enumerate(encoded.dictionary.to_pylist()):
        try:
            value = text.READERS[kind](cell)
        except ValueError:
            return None, pc.index(encoded.indices, pa.scalar(code, encoded.indices.type)).as_py()
        values.append(text.microseconds(value) if kind == "date" else value)
    stored = pa.array(values, pa.int64() if kind == "date" else ARROW[kind]).cast(ARROW[kind])
    return pa.chunked_array([stored.take(encoded.indices)]), -1


def kind_of(array: pa.ChunkedArray) -> Kind:
    """Return the schema's kind of a column that was read."""
    return next(kind for kind, arrow in ARROW.items() if array.type == arrow)
