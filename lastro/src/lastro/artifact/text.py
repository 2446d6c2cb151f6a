"""What a text means: missing, a number, a boolean, a date or a category. The one reading of cells, for training and scoring.

It travels with a model, so it needs Python alone.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

# A name or a category may be longer than the 128 KiB that Python's reader takes.
csv.field_size_limit(2**31 - 1)

BLANK = " \t\n\r\v\f\x1c\x1d\x1e\x1f"
"""What may stand around a number, a boolean, a date, or what is missing."""
MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"}
    | {"N/A", "NA", "NULL", "NaN", "n/a", "nan", "null"}
)
"""Texts that stand for a missing value; pyarrow's list."""
BOOLEANS = {"true": True, "True": True, "TRUE": True, "1": True}
BOOLEANS |= {"false": False, "False": False, "FALSE": False, "0": False}
# These patterns mean the same to Python and to RE2, which Arrow matches with.
WHOLE = r"[-+]?[0-9]+"
NUMBER = rf"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE]{WHOLE})?|[-+]?([iI][nN][fF]([iI][nN][iI][tT][yY])?)"
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = r"([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
DATE = rf"{DAY}([ T]{TIME}(Z|[-+][0-9]{{2}}(:?[0-9]{{2}})?)?)?"
DELIMITERS = ",;\t|"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_whole, _number, _date = (re.compile(pattern).fullmatch for pattern in (WHOLE, NUMBER, DATE))


def delimiter_of(start: str) -> str:
    """Guess the delimiter of a CSV from its first characters: the one that gives the most columns."""
    return max(
        DELIMITERS, key=lambda sign: len(next(csv.reader(io.StringIO(start, newline=""), delimiter=sign), ()))
    )


def read_cell(text: str, kind: str, categories: Collection[str] = (), missing: Collection[str] = ()) -> Any:
    """Read a text of a column; None where it stands for a missing value.

    categories: texts that are themselves, even where they spell what is elsewhere missing, as "NA" may.
    missing: texts that stand for a missing value in this column, beside MISSING.

    Raises:
        ValueError: the text is none of the column's kind.
    """
    if text in categories:
        return text
    bare = text.strip(BLANK)
    return None if bare in MISSING or bare in missing else READERS[kind](text)


def read_whole(text: str) -> int:
    """Read a whole number of at most 64 bits; ValueError where it is none."""
    if not _whole(text.strip(BLANK)) or not -(2**63) <= int(text) < 2**63:
        raise ValueError("a whole number of at most 64 bits")
    return int(text)


def read_number(text: str) -> float:
    """Read a number; what is beyond the range of a double is infinite. ValueError where it is none."""
    if not _number(text.strip(BLANK)):
        raise ValueError("a number")
    return float(text)


def read_boolean(text: str) -> bool:
    """Read a boolean; ValueError where it is none."""
    if text.strip(BLANK) not in BOOLEANS:
        raise ValueError("true or false")
    return BOOLEANS[text.strip(BLANK)]


def read_date(text: str) -> datetime:
    """Read an ISO 8601 date or time as the instant in UTC, which is meant where no zone stands; ValueError where it is none."""
    if not _date(text.strip(BLANK)):
        raise ValueError("a date (2026-01-31)")
    return to_utc(datetime.fromisoformat(text.strip(BLANK)))


def to_utc(moment: datetime) -> datetime:
    """Return the same instant in UTC; without a zone it is taken as UTC. ValueError beyond the years 1 to 9999."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a date of the years 1 to 9999") from None


def microseconds(moment: datetime) -> int:
    """Count the microseconds from 1970 to an instant in UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


READERS: dict[str, Callable[[str], Any]] = {
    "float": read_number,
    "integer": read_whole,
    "boolean": read_boolean,
    "category": str,
    "date": read_date,
}
"""How a text of each kind of column is read; each raises ValueError with what was expected."""
