"""What was found about drift: as data that one job writes and another one checks, and as Markdown for an issue."""

from __future__ import annotations

from pydantic import Field

from lastro.core.markdown import code, table
from lastro.evaluation.text import number
from lastro.operations.report.content import Number, Strict, Text

MARKER = "<!-- lastro drift -->"
MAXIMUM_COLUMNS = 50
"""Columns that are shown."""


class Column(Strict):
    """One column, the target included."""

    name: Text
    kind: Text
    distance: float
    p: float
    missing_before: float
    missing_now: float
    beyond: bool


class Drift(Strict):
    """Against the model in production. not_compared: there was nothing to compare; then nothing else is set.

    drop: by how much the primary metric is worse than at the release; low, high: its 95 % interval now.
    """

    version: int = 1
    model_name: Text
    release: Text = ""
    rows: int = 0
    not_compared: Text | None = None
    metric: Text = ""
    at_release: Number = None
    now: Number = None
    low: Number = None
    high: Number = None
    drop: Number = None
    worse: bool = False
    columns: list[Column] = Field(default_factory=list, max_length=2000)
    distance_limit: float = 0
    drop_limit: float = 0

    @property
    def drifted(self) -> bool:
        """Whether a limit is exceeded."""
        return self.worse or any(column.beyond for column in self.columns)


def render(found: Drift) -> str:
    """Render the findings as Markdown that begins with the marker."""
    if found.not_compared is not None:
        return f"{MARKER}\n## Not compared\n\n{code(found.not_compared)}\n"
    state = "⚠️ the data has moved away from" if found.drifted else "✅ the data still fits"
    parts = [
        MARKER,
        f"## {state} {code(found.model_name, 80)} {code(found.release, 40)}",
        f"{found.rows} rows are new since it was trained.",
        _metric(found),
        _columns(found),
    ]
    if found.drifted:
        parts.append(
            "**Next:** look at the columns above; where the data is right, merge the pull request that retrains, or change "
            "`params.yaml`. The limits are those of `drift` in `params.yaml`."
        )
    return "\n\n".join(parts) + "\n"


def _metric(found: Drift) -> str:
    if found.now is None:
        return f"{code(found.metric, 60)} cannot be computed on the new rows."
    mark = "⚠️" if found.worse else "✅"
    return (
        f"{mark} {code(found.metric, 60)}: {number(found.at_release)} at the release, {number(found.now)} "
        f"({number(found.low)} to {number(found.high)}) on the new rows; {number(found.drop_limit)} worse is allowed."
    )


def _columns(found: Drift) -> str:
    rows = [
        [
            f"{'⚠️ ' if column.beyond else ''}{code(column.name, 60)}",
            number(column.distance),
            number(found.distance_limit),
            f"{column.missing_before:.1%}",
            f"{column.missing_now:.1%}",
        ]
        for column in found.columns[:MAXIMUM_COLUMNS]
    ]
    more = len(found.columns) - MAXIMUM_COLUMNS
    shown = table(["column", "moved by", "limit", "missing before", "missing now"], rows)
    return shown + (f"\n\nAnd {more} that moved less." if more > 0 else "")
