"""What each column is, read from its values."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from lastro.artifact import text
from lastro.core.params import ColumnMeaning, Data
from lastro.tables.cells import convert, kind_of, trimmed
from lastro.tables.schema import Column, Label, Schema
from lastro.tables.sources import Source, leave_out, shorten

MAX_CLASSES_OF_NUMBERS = 20
"""`data.task: auto` takes whole numbers with at most this many distinct values for classes."""

MIN_TEXTS_TO_SUSPECT = 20
"""Below this many distinct texts a column is never taken for an identifier."""


ALMOST_ALL = 0.95
"""A text column with at least this share of numbers or dates is one with a slip in it, not a category."""
_DIGITS = r"[0-9]+([.,][0-9]+)?"
_GROUPED = r"[0-9]{1,3}([,' _][0-9]{3})+(\.[0-9]+)?|[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?"
_ANY = f"({_GROUPED}|{_DIGITS})"
_MONEY = "(R?[$€£¥₹]|BRL|CHF|CNY|EUR|GBP|INR|JPY|USD)"
FORMATS = {
    "with a currency": rf"[-+]?{_MONEY} ?[-+]?{_ANY}|[-+]?{_ANY} ?{_MONEY}",
    "with a percent sign": f"[-+]?{_ANY} ?%",
    "with a unit": f"[-+]?{_ANY} ?(kg|g|mg|lbs?|oz|km|m|cm|mm|ft|in|l|ml|h|min|s|ms|°[CF]|[kMG]?[BW])",
    "with the sign behind it": f"{_ANY}-",
    "in brackets": rf"\({_MONEY}? ?{_ANY}\)",
    "with thousands separators": r"[-+]?([0-9]{1,3}([,' _][0-9]{3})+(\.[0-9]+)?|[0-9]{1,3}(\.[0-9]{3}){2,})",
    "with a decimal comma": r"[-+]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+),[0-9]+",
}
"""How numbers are written for people, as regular expressions."""
LOCAL_DATES = (
    r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-]([0-9]{4}|[0-9]{2})\b.*|[0-9]{4}[/.-][0-9]{1,2}[/.-][0-9]{1,2}\b.*"
    r"|[0-9]{1,2}[ -][A-Za-z]{3,9}\.?[ -,]+[0-9]{2,4}\b.*|[A-Za-z]{3,9}\.? [0-9]{1,2},? [0-9]{4}\b.*"
)
"""Dates in another form than ISO 8601, or that no calendar has."""


def infer_schema(source: Source, features: list[str], data: Data) -> Schema:
    """Infer the schema of a normalised table.

    Raises:
        LastroError: a text column that looks like an identifier or like numbers or dates with a slip, a target that does
            not fit the task.
    """
    task = resolve_task(source, data)
    target = _infer_column(source, data.target, data)
    labels = find_labels(source, data.target) if task == "classification" else ()
    columns = tuple(_infer_column(source, name, data) for name in features)
    for column in columns:
        if column.kind == "category":
            if meaning_of(data, column.name).kind != "category":
                otherwise = f"if these are categories, set {say(column.name, kind='category')}"
                _refuse_slips(source, column.name, "column", otherwise)
            _refuse_identifier(source, column, data.max_categories)
    return Schema(task, target, labels, columns, data.unseen_categories)


def meaning_of(data: Data, name: str) -> ColumnMeaning:
    """Return what data.columns says of a column."""
    return data.columns.get(name, ColumnMeaning())


def say(name: str, **meaning: object) -> str:
    """Write the line of params.yaml that says what a column is."""
    return f"data.columns: {json.dumps({name: meaning}, ensure_ascii=False)}"


def resolve_task(source: Source, data: Data) -> str:
    """Return `data.task`, decided from the target's values where it is auto.

    Raises:
        LastroError: the target cannot serve the task that params name.
    """
    array, name = source.table[data.target], data.target
    kind = kind_of(array)
    if kind == "date":
        fix = "expected numbers, text or booleans: choose another data.target"
        raise source.error(None, f"target column {name!r} holds dates", fix)
    # Whoever asks for classes gets them: such texts may be codes.
    if kind == "category" and data.task != "classification" and meaning_of(data, name).kind != "category":
        classes = "if these are classes, set data.task: classification"
        _refuse_slips(source, name, "target column", "" if data.task == "regression" else classes)
    if kind in ("category", "boolean"):
        if data.task == "regression":
            # Where all of them read as numbers, they are so as texts, from the first row on.
            row = max(0, convert(array, "float")[1]) if kind == "category" else 0
            problem = f"target column {name!r} is {shorten(array[row].as_py())}, and data.task: regression needs numbers"
            raise source.error(row, problem, "write it as numbers, or set data.task: classification")
        return "classification"
    whole = kind == "integer"
    if kind == "float":
        fractions = pc.or_(pc.not_equal(array, pc.floor(array)), pc.greater(pc.abs(array), 2.0**53))
        whole = not pc.any(fractions).as_py()
    if data.task == "classification" and not whole:
        row = pc.index(fractions, True).as_py()
        problem = (
            f"target column {name!r} is {array[row].as_py()!r}, and data.task: classification needs classes"
        )
        raise source.error(row, f"{problem} (text, booleans or whole numbers)", "set data.task: regression")
    if data.task != "auto":
        return data.task
    few = pc.count_distinct(array).as_py() <= MAX_CLASSES_OF_NUMBERS
    return "classification" if whole and few else "regression"


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
        problem = f"target column {target!r} is {labels[0]!r} here and in every other row"
        raise source.error(0, problem, "a classification needs at least two classes")
    return labels


def _infer_column(source: Source, name: str, data: Data) -> Column:
    array = source.table[name]
    column = Column(name, kind_of(array), array.null_count > 0, missing=tuple(meaning_of(data, name).missing))
    if column.kind == "category":
        return replace(column, categories=tuple(sorted(pc.unique(array.drop_null()).to_pylist())))
    if column.kind == "boolean":
        return column
    low, high = pc.min_max(array).as_py().values()
    if column.kind == "date" and low is not None:
        low, high = low.isoformat(), high.isoformat()
    return replace(column, minimum=low, maximum=high)


def _refuse_slips(source: Source, name: str, role: str, otherwise: str) -> None:
    """Refuse texts that are numbers or dates but for their form, a slip or a placeholder; `otherwise` ends the fix."""
    cells = source.table[name]
    texts = trimmed(cells)
    count = len(texts) - texts.null_count
    shaped = pc.index(pc.match_substring_regex(texts, f"^({'|'.join(FORMATS.values())})$"), True).as_py()
    formats = {"float": "|".join([text.NUMBER, *FORMATS.values()]), "date": f"{text.DATE}|{LOCAL_DATES}"}
    for kind, pattern in formats.items():
        like = pc.match_substring_regex(texts, f"^({pattern})$")
        fitting = pc.sum(like).as_py() or 0
        others = pc.unique(texts.filter(pc.invert(like)).drop_null()).to_pylist()
        different, share = pc.count_distinct(texts.filter(like)).as_py(), fitting / count
        # One word among different numbers or dates, however often, stands for a value that is not there.
        few = (len(others) <= 1 and (different > 2 or shaped >= 0)) or (share > 0.5 and different > 10)
        placeholder = few and fitting and not re.search("[0-9]", "".join(others))
        if not (placeholder or share >= ALMOST_ALL or (share > 0.5 and kind == "date")):
            continue
        _, row = convert(cells, kind)
        if row < 0:
            return
        row = shaped if kind == "float" and shaped >= 0 else row
        cell, what = texts[row].as_py(), "number" if kind == "float" else "date"
        form = next((form for form, pattern in FORMATS.items() if re.fullmatch(pattern, cell)), "")
        problem = f"{role} {name!r} is {shorten(cell)}"
        if form:
            problem, fix = f"{problem}, a number {form}", "write plain numbers with a decimal point"
        elif kind == "date" and re.fullmatch(LOCAL_DATES, cell) and not re.fullmatch(text.DATE, cell):
            problem, fix = f"{problem}, a date in another form", "write dates as 2026-01-31"
        else:
            others = f"where {fitting} of {count} rows hold {what}s"
            problem = f"{problem}, {'which no calendar has' if like[row].as_py() else others}"
            fix = f"expected a {what}: correct the cell"
            if role == "column":
                fix += f", or if it says that there is none, set {say(name, kind=what, missing=[cell])}"
        raise source.error(row, problem, f"{fix}; {otherwise}" if otherwise else fix)


def _refuse_identifier(source: Source, column: Column, maximum: int) -> None:
    array = source.table[column.name]
    distinct, rows = len(column.categories), len(array) - array.null_count
    maximum = min(maximum, max(MIN_TEXTS_TO_SUSPECT, rows // 2))
    if distinct <= maximum:
        return
    # A dictionary numbers the texts as they first appear: the first one too many is the offence.
    numbers = array.combine_chunks().dictionary_encode().indices
    row = pc.index(numbers, pa.scalar(maximum, numbers.type)).as_py()
    problem = (
        f"{shorten(array[row].as_py())} is its text number {maximum + 1} ({distinct} distinct in {rows} rows)"
    )
    raise source.error(
        row,
        f"column {column.name!r}: {problem}; expected at most {maximum}, so it looks like an identifier or free text",
        leave_out(column.name),
    )
