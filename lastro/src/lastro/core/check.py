"""The answer of `lastro doctor` to one question."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Check:
    """The answer to one question; `fix` is empty where nothing is wrong."""

    name: str
    state: Literal["ok", "warning", "failed"]
    what: str
    fix: str = ""

    def __str__(self) -> str:
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.state:<8} {self.name:<16} {self.what}{fix}"

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready content, for programs."""
        return asdict(self)


def ok(name: str, what: str) -> Check:
    """Answer that nothing is wrong."""
    return Check(name, "ok", what)


def warning(name: str, what: str, fix: str) -> Check:
    """Answer that it works in part, or is needed for a part only."""
    return Check(name, "warning", what, fix)


def failed(name: str, what: str, fix: str) -> Check:
    """Answer that it does not work."""
    return Check(name, "failed", what, fix)


def without_password(uri: str) -> str:
    """Leave the user, the password and the query out of a URI, for messages."""
    return re.sub(r"(?<=://)[^/\s]+@|\?\S*", "", uri)
