"""Parse release tags: vX.Y.Z goes to production, vX.Y.Z-rc.N to staging; nothing else is a release.

Numbers and order are those of Semantic Versioning 2.0.0 (semver.org).
"""

from __future__ import annotations

from contextlib import suppress

from semver import Version

from lastro.core.errors import LastroError
from lastro.operations.registry import names


class ReleaseTag(Version):
    """A parsed tag; `candidate` is the N of -rc.N, None for a release. Sorts by precedence."""

    def __init__(self, major: int, minor: int = 0, patch: int = 0, candidate: int | None = None) -> None:
        super().__init__(major, minor, patch, None if candidate is None else f"rc.{candidate}")
        self.candidate = candidate

    @classmethod
    def parse(cls, text: str) -> ReleaseTag:
        """Read the tag that `text` spells. Raises LastroError: it is not a release tag."""
        tag = None
        with suppress(ValueError):
            found = Version.parse(text[1:])
            candidate = int(found.prerelease.removeprefix("rc.")) if found.prerelease else None
            tag = cls(found.major, found.minor, found.patch, candidate)
        # Written otherwise it is none: digits of another script, a build, a line's end.
        if tag is None or str(tag) != text or (tag.candidate or 0) < 0:
            fix = "expected vX.Y.Z (production) or vX.Y.Z-rc.N (staging), numbers without leading zeros"
            raise LastroError("is no release tag", where=repr(text), fix=fix)
        return tag

    def __str__(self) -> str:
        return f"v{super().__str__()}"

    @property
    def alias(self) -> str:
        return names.PRODUCTION if self.candidate is None else names.STAGING

    @property
    def image_tag(self) -> str:
        return str(self).removeprefix("v")

    @property
    def moving_image_tags(self) -> tuple[str, ...]:
        """Return the image tags that move to a release, which is always the newest; none for a candidate."""
        if self.candidate is not None:
            return ()
        return f"{self.major}.{self.minor}", str(self.major), "latest"


def must_come_after(tag: ReleaseTag, released: list[ReleaseTag]) -> list[ReleaseTag]:
    """Return those of `released` that the tag must come after.

    A release: every other release. A candidate: every release, and the other candidates for its own release. So an old
    line can be fixed while the candidate for a new one is in staging.
    """
    return [
        other
        for other in released
        if other != tag
        and (
            other.candidate is None
            or (tag.candidate is not None and other.finalize_version() == tag.finalize_version())
        )
    ]
