"""The grammar of release tags: vX.Y.Z goes to production, vX.Y.Z-rc.N to staging, and nothing else is a release.

Numbers and order are those of Semantic Versioning 2.0.0 (semver.org).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import total_ordering

from lastro.core.errors import LastroError
from lastro.operations.registry import names

_NUMBER = r"(0|[1-9][0-9]*)"
_TAG = re.compile(rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-rc\.{_NUMBER})?")


@total_ordering
@dataclass(frozen=True)
class ReleaseTag:
    """A parsed tag; `candidate` is the N of -rc.N, None for a release. Sorts by precedence."""

    major: int
    minor: int
    patch: int
    candidate: int | None = None

    @classmethod
    def parse(cls, text: str) -> ReleaseTag:
        """The tag that `text` spells.

        Raises:
            LastroError: it is not of the grammar; the message says what is.
        """
        found = _TAG.fullmatch(text)
        if found is None:
            raise LastroError(
                "is no release tag",
                where=f"{text!r}",
                fix="expected vX.Y.Z (production) or vX.Y.Z-rc.N (staging), numbers without leading zeros",
            )
        return cls(*(int(part) if part is not None else None for part in found.groups()))

    def __str__(self) -> str:
        suffix = "" if self.candidate is None else f"-rc.{self.candidate}"
        return f"v{self.major}.{self.minor}.{self.patch}{suffix}"

    def __lt__(self, other: ReleaseTag) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[int, int, int, bool, int]:
        # A candidate comes before its release.
        return self.major, self.minor, self.patch, self.candidate is None, self.candidate or 0

    @property
    def alias(self) -> str:
        """The alias that this tag moves."""
        return names.PRODUCTION if self.candidate is None else names.STAGING

    @property
    def image_tag(self) -> str:
        """The tag of the one image that is released as this."""
        return str(self).removeprefix("v")

    @property
    def moving_image_tags(self) -> tuple[str, ...]:
        """Those that follow production: a release comes after every earlier one, so all are its own. None for a candidate."""
        if self.candidate is not None:
            return ()
        return f"{self.major}.{self.minor}", str(self.major), "latest"

    @property
    def final(self) -> ReleaseTag:
        """The release that a candidate is for; a release itself."""
        return replace(self, candidate=None)


def rivals_in_order(tag: ReleaseTag, released: list[ReleaseTag]) -> list[ReleaseTag]:
    """Those of `released` that the tag must come after.

    A release: every other release. A candidate: every release, and the other candidates for its own release. So an old
    line can be mended while the candidate for a new one is in staging.
    """
    return [
        other
        for other in released
        if other != tag
        and (other.candidate is None or (tag.candidate is not None and other.final == tag.final))
    ]
