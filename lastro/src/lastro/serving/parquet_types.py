"""Which Arrow types of a Parquet body's columns an input may have, asked before a value is read."""

from __future__ import annotations

from arro3.core import DataType

_TEXTS = (DataType.is_string, DataType.is_large_string, DataType.is_string_view)
_NEVER = (
    DataType.is_binary,
    DataType.is_large_binary,
    DataType.is_binary_view,
    DataType.is_fixed_size_binary,
    DataType.is_nested,
)


def fits(found: DataType, kind: str) -> bool:
    """Whether values of the type `found` may be what an input of this kind takes.

    What has a size of its own, such as a number, is left to the check of each cell: one that is null fits everywhere.
    """
    if fatal(found):
        return False
    if DataType.is_dictionary(found):
        found = found.value_type
    if any(is_text(found) for is_text in _TEXTS):
        return kind in ("category", "date")
    return not any(is_never(found) for is_never in _NEVER)


def fatal(found: DataType) -> bool:
    """Whether it holds a dictionary of booleans, at which parquet 59.0.0 (Rust) ends the process."""
    if DataType.is_dictionary(found):
        return DataType.is_boolean(found.value_type)
    return DataType.is_struct(found) and any(fatal(field.type) for field in found.fields)
