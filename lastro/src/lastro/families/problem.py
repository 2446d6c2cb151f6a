"""From the schema of a table to what a family needs to know of it."""

from __future__ import annotations

from lastro.families.protocol import Problem
from lastro.tables.schema import Schema


def problem_of(schema: Schema) -> Problem:
    """What is to be learnt."""
    return Problem(
        task=schema.task,
        features=tuple(column.name for column in schema.features),
        categories=tuple(len(c.categories) if c.kind == "category" else 0 for c in schema.features),
        n_classes=len(schema.labels),
    )
