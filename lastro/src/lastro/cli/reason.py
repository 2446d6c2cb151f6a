"""A reason that a person gives, as one line: it is kept, and shown in tables and messages."""

from __future__ import annotations

import click

from lastro.core.errors import LastroError


def given_reason(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """The reason without line breaks; for click's `callback`.

    Raises:
        LastroError: nothing is said.
    """
    if value is None:
        return None
    line = " ".join(value.split())
    if not line:
        raise LastroError(f"{option.opts[0]}: is empty; say why")
    return line
