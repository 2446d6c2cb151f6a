"""One link of a chain: what it holds, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Link:
    """One link.

    Attributes:
        content: for programs; None where there is nothing.
        text: the first line, for people.
        lines: what belongs below it.
        problem: why the chain is broken here, with the mend.
    """

    name: str
    content: Any = None
    text: str = ""
    lines: tuple[str, ...] = field(default=())
    problem: str | None = None
