"""The answer of `lastro doctor` to one question."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Check:
    """The answer to one question; `mend` is empty where nothing is to be mended."""

    name: str
    state: Literal["ok", "warning", "failed"]
    what: str
    mend: str = ""

    def __str__(self) -> str:
        mend = f"; {self.mend}" if self.mend else ""
        return f"{self.state:<8} {self.name:<16} {self.what}{mend}"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def ok(name: str, what: str) -> Check:
    """Nothing to mend."""
    return Check(name, "ok", what)


def warning(name: str, what: str, mend: str) -> Check:
    """Works, or is needed for a part only."""
    return Check(name, "warning", what, mend)


def failed(name: str, what: str, mend: str) -> Check:
    """Does not work."""
    return Check(name, "failed", what, mend)


def without_password(uri: str) -> str:
    """Leave the user, the password and the query out of a URI, for messages."""
    return re.sub(r"(?<=://)[^/\s]+@|\?\S*", "", uri)
