"""The verdict: whether a model is good enough, as a pure function of its predictions.

A number that is missing, NaN or undefined fails its rule. What is compared is rounded to six significant
digits, so that the decision agrees with the numbers shown, and with those of another processor.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lastro.core.errors import LastroError
from lastro.core.metric_names import METRICS, resolve
from lastro.evaluation.metrics import (
    Prior,
    Resampled,
    baseline,
    baseline_metrics,
    bootstrap,
    chance,
    compute,
    improvements,
    interval,
)
from lastro.evaluation.predictions import Predictions, aligned
from lastro.evaluation.text import rounded, shown

if TYPE_CHECKING:
    from lastro.core.params import Evaluation, Gate


@dataclass(frozen=True)
class Rule:
    """One rule and what became of it.

    value is what was judged and bound what it was judged against, both to six significant digits, None where
    there is none. detail says it in one line.
    """

    name: str
    passed: bool
    value: float | None = field(default=None, kw_only=True)
    bound: float | None = field(default=None, kw_only=True)
    detail: str


@dataclass(frozen=True)
class Verdict:
    """Pass only if every rule passes."""

    passed: bool
    rules: tuple[Rule, ...]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready content."""
        return {"passed": self.passed, "rules": [asdict(rule) for rule in self.rules]}

    @classmethod
    def from_json(cls, content: Any) -> Verdict:
        """Read what `to_json` wrote.

        Raises:
            LastroError: not a verdict, or one that says pass although its rules don't (or there are none).
        """
        problem = "expected `passed` and a list of `rules`"
        with suppress(TypeError, KeyError):
            verdict = cls(content["passed"], tuple(Rule(**rule) for rule in content["rules"]))
            outcomes = [rule.passed for rule in verdict.rules]
            if not outcomes or any(type(outcome) is not bool for outcome in outcomes):
                problem = "it has no rules, or one without an outcome"
            elif verdict.passed is all(outcomes):
                return verdict
            else:
                problem = "its outcome contradicts its rules"
        raise LastroError(problem, where="verdict", fix="repeat the evaluation")


def judge(
    candidate: Predictions,
    gate: Gate,
    evaluation: Evaluation,
    prior: Prior,
    champion: Predictions | None = None,
    resampled: Resampled | None = None,
) -> Verdict:
    """Judge the candidate by the `gate` section of the parameters, and against the champion when there is one.

    prior: (k,) class shares or the mean of the training target. resampled: what `Resampled.of` has found for
    the candidate already.

    Raises:
        LastroError: the gate names a metric that does not exist or does not apply, or the prior does not fit.
            Whatever is wrong with the numbers is a rule that fails, not an error.
    """
    primary = _resolve(gate.metric, candidate, "gate.metric")
    limits = {_resolve(name, candidate, "gate.limits"): bound for name, bound in gate.limits.items()}
    if len(limits) < len(gate.limits):
        raise LastroError("two of its names mean one metric", where="gate.limits", fix="keep one of them")
    found = resampled or Resampled.of(candidate, evaluation, tuple(dict.fromkeys((primary, *limits))))

    rules = [_enough_rows(candidate, gate), _defined(found, primary)]
    rules += [_limit(found, name, bound) for name, bound in limits.items()]
    if gate.beat_baseline:
        rules.append(_beats_baseline(found, primary, prior, evaluation))
    if gate.slices.max_gap is not None:
        rules += [_slice(found, primary, column, gate) for column in evaluation.slices]
        if not evaluation.slices:
            detail = (
                "gate.slices.max_gap is set but evaluation.slices names no column; name one, or unset max_gap"
            )
            rules.append(Rule("slices", False, detail))
    if champion is not None:
        rules.append(_not_worse(candidate, champion, primary, gate, evaluation))
    return Verdict(all(rule.passed for rule in rules), tuple(rules))


def _resolve(name: str, candidate: Predictions, key: str) -> str:
    try:
        return resolve(name, candidate.task, len(candidate.labels))
    except LastroError as error:
        raise error.within(key) from None


def _enough_rows(candidate: Predictions, gate: Gate) -> Rule:
    n, passed = len(candidate), len(candidate) >= gate.min_rows
    needed = f"at least {gate.min_rows} are needed"
    fix = "" if passed else "; hold out more rows (data.split.test), or lower gate.min_rows"
    return Rule("rows", passed, f"{n} held-out rows, {needed}{fix}", value=n, bound=gate.min_rows)


def _why_undefined(predictions: Predictions, name: str) -> str:
    bad = predictions.bad_rows
    reason = f"{bad} rows have a score that is not finite" if bad else METRICS[name].undefined
    return f"{name} is undefined: {reason}"


def _defined(found: Resampled, name: str) -> Rule:
    value = rounded(found.values[name])
    if value is None:
        return Rule("primary metric", False, _why_undefined(found.source, name))
    return Rule("primary metric", True, f"{name} is {_with_interval(found, name)}", value=value)


def _with_interval(found: Resampled, name: str) -> str:
    return f"{shown(found.values[name])} {_shown_interval(*found.interval(name))}"


def _shown_interval(low: float, high: float) -> str:
    return f"[{shown(low)}, {shown(high)}]" if np.isfinite([low, high]).all() else "[undefined]"


def _limit(found: Resampled, name: str, bound: float) -> Rule:
    rule, value, bound = f"limit on {name}", rounded(found.values[name]), rounded(bound)
    if value is None:
        return Rule(rule, False, _why_undefined(found.source, name), bound=bound)
    higher = METRICS[name].higher_is_better
    passed = value >= bound if higher else value <= bound
    verb, limit = "is" if passed else "is not", "at least" if higher else "at most"
    detail = f"{name} {_with_interval(found, name)} {verb} {limit} {shown(bound)}"
    return Rule(rule, passed, detail, value=value, bound=bound)


def _beats_baseline(found: Resampled, name: str, prior: Prior, evaluation: Evaluation) -> Rule:
    """Sorting by key gives candidate and dummy the same row weights: their samples are pairs."""
    source = found.source
    dummy = baseline_metrics(source, prior, (name,))[name]
    samples = bootstrap(baseline(source, prior), (name,), evaluation.resamples, evaluation.seed)[name]
    if np.isnan(samples).all():
        samples = np.full(len(samples), chance(name, source))
    samples = METRICS[name].sign * (found.samples[name] - samples)
    return _improvement("baseline", name, (found.values[name], dummy), samples, 0.0)


def _improvement(
    rule: str, name: str, values: tuple[float, float], samples: np.ndarray, bound: float, on: str = ""
) -> Rule:
    """Judge the interval of an improvement: above 0 against the baseline, within the margin against the champion."""
    low, high = map(rounded, interval(samples))
    gain = rounded(METRICS[name].sign * (values[0] - values[1]))
    ours, theirs = f"{name} {shown(values[0])}", f"the {rule}'s {shown(values[1])}{on}"
    if low is None or gain is None:
        detail = f"{ours} cannot be compared with {theirs}: undefined on these rows or on too many resamples"
        return Rule(rule, False, detail, bound=bound)
    if rule == "baseline":
        passed = low > bound
        verb = "lies above 0" if passed else "does not lie above 0 as a whole"
    else:
        passed = low >= bound
        verb = f"{'stays within' if passed else 'goes beyond'} the margin of {shown(bound)}"
    detail = f"{ours} against {theirs}: the improvement {shown(gain)} {_shown_interval(low, high)} {verb}"
    return Rule(rule, passed, detail, value=low, bound=bound)


def _slice(found: Resampled, name: str, column: str, gate: Gate) -> Rule:
    """Judge the worst group of a column."""
    rule, bound = f"slices of {column}", rounded(gate.slices.max_gap)
    whole, sign = found.values[name], METRICS[name].sign
    small, gaps = [], {}
    try:
        for group, rows in found.source.groups(column):
            if len(rows) < gate.slices.min_rows:
                small.append(f"{group} ({len(rows)})")
            else:
                value = compute(rows, (name,))[name]
                gaps[group] = (rounded(sign * (whole - value)), value, rows)
    except LastroError as error:
        return Rule(rule, False, str(error), bound=bound)
    unjudged = (
        f"; not judged for having fewer than {gate.slices.min_rows} rows: {', '.join(small)}" if small else ""
    )
    if not gaps:
        passed = bool(small)
        return Rule(rule, passed, f"no group of {column} has rows enough to be judged{unjudged}", bound=bound)
    # Undefined ranks as the worst; names break ties, so that the text is always the same.
    worst = max(gaps, key=lambda group: (gaps[group][0] is None, gaps[group][0] or 0.0))
    gap, value, rows = gaps[worst]
    if gap is None:
        why = _why_undefined(found.source if np.isnan(whole) else rows, name)
        return Rule(rule, False, f"{column}={worst} ({len(rows)} rows): {why}{unjudged}", bound=bound)
    passed = gap <= bound
    detail = (
        f"{column}={worst} ({len(rows)} rows) has the worst {name} of {len(gaps)} groups, {shown(value)}: "
        f"{shown(gap)} worse than the whole, {'' if passed else 'not '}at most {shown(bound)}{unjudged}"
    )
    return Rule(rule, passed, detail, value=gap, bound=bound)


def _not_worse(
    candidate: Predictions, champion: Predictions, name: str, gate: Gate, evaluation: Evaluation
) -> Rule:
    """Non-inferiority on the common rows."""
    bound = rounded(-gate.margin)
    try:
        common = aligned(candidate, champion)
    except LastroError as error:
        return Rule("champion", False, str(error), bound=bound)
    n = len(common.candidate)
    left = f"{common.candidate_left_out} of the candidate's and {common.champion_left_out} of the champion's left out"
    rows = f"{n} common rows ({left})"
    if n < gate.min_rows:
        fix = "predict the candidate's held-out rows with the champion, or lower gate.min_rows"
        return Rule("champion", False, f"{rows}, at least {gate.min_rows} are needed; {fix}", bound=bound)
    ours, theirs = (compute(model, (name,))[name] for model in common[:2])
    settings = evaluation.resamples, evaluation.seed
    samples = improvements(common.candidate, common.champion, (name,), *settings)[name]
    return _improvement("champion", name, (ours, theirs), samples, bound, f" on {rows}")
