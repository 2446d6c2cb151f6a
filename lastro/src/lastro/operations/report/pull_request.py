"""Render the report as Markdown: a pull request's comment, and the summary of the job."""

from __future__ import annotations

from lastro.core.markdown import code, table
from lastro.evaluation.text import number, number_range
from lastro.operations.report.charts import render as render_chart
from lastro.operations.report.content import Difference, Failure, Other, Report, Rule

MARKER = "<!-- lastro report -->"
"""First line of the comment: found by it, so that it is refreshed instead of repeated."""
MAXIMUM_LENGTH = 60_000
"""GitHub refuses a comment of more than 65,536 characters."""


def render(report: Report, next_step: str | None = None, foot: str = "") -> str:
    """Render a report. next_step: what to do now, where the report cannot know it; foot: a last line; both as Markdown."""
    head = [
        MARKER,
        f"## {'✅ pass' if report.passed else '❌ fail'}: {code(report.model_name, 80)}",
        _summary(report),
        f"**Next:** {next_step or _next(report)}",
    ]
    verdict = f"### Verdict\n\n{_rules(report.rules)}"
    parts = [*head, _package(report), _changes(report), _metrics(report), verdict]
    if report.production_rules:
        parts.append(f"### If it were released today\n\n{_rules(report.production_rules)}")
    text = "\n\n".join(filter(None, [*parts, _slices(report)]))
    charts = "\n\n".join(render_chart(chart) for chart in report.charts)
    if charts and len(text) + len(charts) < MAXIMUM_LENGTH:
        text += f"\n\n<details><summary>Charts</summary>\n\n{charts}\n\n</details>"
    if len(text) > MAXIMUM_LENGTH:
        text = "\n\n".join([*head, verdict[:MAXIMUM_LENGTH], "The rest is too long to be shown here."])
    return "\n\n".join(filter(None, [text, foot])) + "\n"


def render_failure(failure: Failure, foot: str = "") -> str:
    """Render why a pipeline did not come to an end."""
    head = [MARKER, "## ❌ the pipeline did not come to an end", code(failure.error, 1000)]
    return "\n\n".join(filter(None, [*head, "**Next:** fix that and push again.", foot])) + "\n"


def _summary(report: Report) -> str:
    what = f"{code(report.family, 60)}, {code(report.task, 30)}, {report.rows} held-out rows, model {code(report.model)}."
    if report.ran is None:
        return what
    took = f" in {report.seconds:.0f} s" if report.seconds is not None else ""
    if not report.ran:
        return f"{what} Nothing had to be trained: all of it came from the cache{took}."
    return f"{what} Ran{took}: {', '.join(code(stage, 40) for stage in report.ran)}."


def _next(report: Report) -> str:
    if not report.passed:
        return "the verdict is no: change `params.yaml` and push again."
    if report.lock == "updated":
        return "commit the updated `dvc.lock` (`dvc repro`, `git add dvc.lock`), then merge."
    return "merge; that registers this model."


def _package(report: Report) -> str:
    change = report.package
    if change is None:
        return ""
    before, after = (code(pin, 200) if pin else "none" for pin in (change.before, change.after))
    if change.model is None:
        effect = "What it does to the model is not known: the base records no model."
    elif change.model == report.model:
        effect = "The model is the same, byte for byte."
    else:
        effect = f"The model is another one; at the base it was {code(change.model, 40)}."
    return (
        f"### Lastro\n\n`requirements/lastro.txt` pins another package: {after} instead of {before}. {effect}"
    )


def _changes(report: Report) -> str:
    if not report.changes:
        return "" if report.base.missing else "### Parameters\n\n`params.yaml` is the base's."
    rows = [
        [code(c.key), *("" if v is None else code(v) for v in (c.before, c.after))] for c in report.changes
    ]
    more = f"\n\nAnd {report.more_changes} more." if report.more_changes else ""
    return f"### Parameters\n\n{table(['key', 'before', 'now'], rows)}{more}"


def _metrics(report: Report) -> str:
    headers, others = ["metric", "now", "95 % interval"], []
    for word, other in (("base", report.base), ("production", report.production)):
        if other.missing is None and not other.same:
            headers += [word, f"better by, against {word}"]
            others.append(word)
    rows = [
        [
            f"**{code(m.name, 60)}**" if m.name == report.primary else code(m.name, 60),
            number(m.value),
            number_range(m.low, m.high),
            *(cell for word in others for cell in _difference(getattr(m, word))),
        ]
        for m in report.metrics
    ]
    notes = [_note("Base", report.base), _note("Production", report.production)]
    return "\n\n".join(["### Metrics", table(headers, rows), "\n".join(f"- {note}" for note in notes)])


def _difference(found: Difference | None) -> list[str]:
    if found is None:
        return ["", ""]
    sign = "+" if found.gain is not None and found.gain > 0 else ""
    return [number(found.value), f"{sign}{number(found.gain)} ({number_range(found.low, found.high)})"]


def _note(word: str, other: Other) -> str:
    if other.missing is not None:
        return f"{word}: not compared: {code(other.missing)}"
    if other.same:
        return f"{word}: {code(other.name)} is this very model."
    return f"{word}: {code(other.name)}, compared on the {other.rows} rows that both held out."


def _rules(rules: list[Rule]) -> str:
    return "\n".join(
        f"- {'✅' if rule.passed else '❌'} {code(rule.name, 80)}: {code(rule.detail)}" for rule in rules
    )


def _slices(report: Report) -> str:
    if not report.slices:
        return ""
    rows = [
        [code(s.column, 60), code(s.group, 60), str(s.rows), number(s.value), number_range(s.low, s.high)]
        for s in report.slices
    ]
    headers = ["column", "group", "rows", code(report.primary, 60), "95 % interval"]
    return f"### Slices\n\n{table(headers, rows)}"
