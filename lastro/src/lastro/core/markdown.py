"""Text from people and data, made harmless in a Markdown page that GitHub renders."""

from __future__ import annotations

import unicodedata

MAXIMUM_LENGTH = 300
"""Longer text is cut: it would hide what matters."""


def code(text: object, maximum: int = MAXIMUM_LENGTH) -> str:
    """The text as a Markdown code span, in one line.

    In a code span GitHub reads no markup, tag, mention, issue number or address, and a backslash is itself. The two signs
    that could end it, a backtick and (in a table) a vertical bar, become look-alikes. Control and direction-changing
    characters are left out.
    """
    line = " ".join(str(text).split())
    kept = "".join(c for c in line if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    kept = kept.replace("`", "\u02cb").replace("|", "\u2223")
    if len(kept) > maximum:
        kept = kept[: maximum - 1] + "…"
    return f"`{kept or ' '}`"


def table(headers: list[str], rows: list[list[str]]) -> str:
    """Lay out cells, which are Markdown already, as a table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
