"""The findings as Markdown: the summary of the job, and the issue."""

from __future__ import annotations

from lastro.core.markdown import code
from lastro.evaluation.text import number
from lastro.operations.report.drift_content import Drift

MARKER = "<!-- lastro drift -->"
MOST_COLUMNS = 50


def render(found: Drift) -> str:
    """Markdown, from the marker on."""
    if found.why_not is not None:
        return f"{MARKER}\n## Not compared\n\n{code(found.why_not)}\n"
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
    lines = [
        "| column | moved by | limit | missing before | missing now |",
        "| --- | --- | --- | --- | --- |",
    ]
    for column in found.columns[:MOST_COLUMNS]:
        cells = [
            f"{'⚠️ ' if column.beyond else ''}{code(column.name, 60)}",
            number(column.distance),
            number(found.distance_limit),
            f"{column.missing_before:.1%}",
            f"{column.missing_now:.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    more = len(found.columns) - MOST_COLUMNS
    return "\n".join(lines) + (f"\n\nAnd {more} that moved less." if more > 0 else "")
