"""The schema: what each column is, written by prepare and read by everything after it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from lastro.core.errors import LastroError
from lastro.core.files import read_json

Kind = Literal["float", "integer", "boolean", "category", "date"]
Label = str | int | bool

KEY = "__key__"
"""Name of the row-key column in prepared data and in predictions."""


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        categories: the sorted texts of a category column, otherwise empty.
        missing: texts that stand for a missing value in a column of texts, as data.columns says.
        minimum, maximum: smallest and largest value seen; numbers, or ISO 8601 text for dates; None where there
            is no order or no value.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    kind: Kind
    nullable: bool
    categories: tuple[str, ...] = ()
    minimum: float | int | str | None = None
    maximum: float | int | str | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """Features, target and task.

    Attributes:
        labels: the sorted class labels; empty for regression. The last one is the positive class of a binary task.
        unseen_categories: what a category that no column lists becomes, here and in the scoring app.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    task: Literal["classification", "regression"]
    target: Column
    labels: tuple[Label, ...]
    features: tuple[Column, ...]
    unseen_categories: Literal["error", "missing"] = "error"

    def to_json(self) -> str:
        """Write readable JSON, the same text for the same schema."""
        content = {
            "task": self.task,
            "target": _compact(self.target),
            "labels": list(self.labels),
            "unseen_categories": self.unseen_categories,
            "features": [_compact(column) for column in self.features],
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def with_missing(self, names: Iterable[str]) -> Schema:
        """Return the schema with the named features nullable."""
        names = set(names)
        return replace(
            self,
            features=tuple(replace(c, nullable=c.nullable or c.name in names) for c in self.features),
        )


def read_schema(path: Path) -> Schema:
    """Read a schema file.

    Raises:
        LastroError: unreadable, or not a schema.
    """
    schema = read_optional_schema(path)
    if schema is None:
        raise LastroError("holds no schema", where=path, fix="run dvc repro")
    return schema


def read_optional_schema(path: Path) -> Schema | None:
    """Read a schema file; None where the file holds an empty object, which asks prepare to infer one."""
    fix = "copy data/prepared/schema.json over it, or write {} to infer one"
    content = read_json(path, fix)
    if content == {}:
        return None
    try:
        # Strict only in JSON: there a list stands for a tuple.
        return TypeAdapter(Schema).validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
        raise LastroError(f"is not a schema ({problem})", where=path, fix=fix) from None


def _compact(column: Column) -> dict:
    return {key: value for key, value in asdict(column).items() if value not in (None, ())}
