"""The verdict: what passes, what fails, and that nothing undefined ever passes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastro.core.errors import LastroError
from lastro.core.metric_names import METRICS, names
from lastro.core.params import Evaluation, Gate, SliceLimits
from lastro.evaluation.gate import Rule, Verdict, judge
from lastro.evaluation.metrics import Resampled
from lastro.evaluation.predictions import Predictions

FAST = Evaluation(resamples=200)
PRIOR = {2: [0.5, 0.5], 4: [0.25] * 4, 0: 10.0}
EMPTY = Gate(beat_baseline=False)
KINDS = (2, 4, 0)


def verdict(candidate: Predictions, gate: Gate = EMPTY, champion=None, evaluation=FAST, **more) -> Verdict:
    return judge(candidate, gate, evaluation, PRIOR[len(candidate.labels)], champion, **more)


def rule(found: Verdict, name: str) -> Rule:
    return next(rule for rule in found.rules if rule.name == name)


def every_metric():
    return [(k, name) for k in KINDS for name in names("classification" if k else "regression", k)]


@settings(max_examples=25)
@given(k=st.sampled_from(KINDS), seed=st.integers(0, 1000), rows_per_key=st.sampled_from([1, 4]))
def test_shuffling_rows_changes_nothing(model, k, seed, rows_per_key):
    random = np.random.default_rng(seed)
    gate = Gate(slices=SliceLimits(max_gap=0.1))
    evaluation = Evaluation(resamples=100, slices=["sex"])
    models = [model(120, k, seed, strength) for strength in (1.2, 1.5)]
    models = [replace(p, keys=p.keys // np.uint64(rows_per_key), truth=models[0].truth) for p in models]
    before = verdict(*models[:1], gate, models[1], evaluation)
    models = [p.take(random.permutation(120)) for p in models]
    assert verdict(*models[:1], gate, models[1], evaluation) == before


@pytest.mark.parametrize(("k", "name"), every_metric())
def test_a_champion_against_itself_passes(model, k, name):
    candidate = model(200, k)
    found = verdict(candidate, Gate(metric=name, margin=0.0, beat_baseline=False), candidate)
    assert found.passed
    assert rule(found, "champion").value == 0


@given(k=st.sampled_from(KINDS), seed=st.integers(0, 1000), n=st.integers(30, 300))
@settings(max_examples=25)
def test_any_champion_against_itself_passes(model, k, seed, n):
    candidate = model(n, k, seed)
    found = verdict(candidate, Gate(margin=0.0, beat_baseline=False), candidate.take(np.arange(n)[::-1]))
    assert rule(found, "champion").passed or rule(found, "champion").value is None


@pytest.mark.parametrize(("k", "name"), [pair for pair in every_metric() if pair[1] != "calibration_error"])
def test_a_strictly_worse_model_fails_once_rows_suffice(model, k, name):
    weak, strong = (model(2000, k, seed=4, strength=strength) for strength in (0.8, 2.0))
    gate = Gate(metric=name, margin=0.005, beat_baseline=False)
    worse, better = verdict(weak, gate, strong), verdict(strong, gate, weak)
    assert not rule(worse, "champion").passed
    assert not worse.passed
    assert rule(worse, "champion").value < -0.005
    assert better.passed
    assert rule(better, "champion").value > 0


def test_few_rows_cannot_show_that_a_model_is_not_worse(model):
    """Two equally good, independent models: undecided on 40 rows, settled on 4,000."""
    for n, expected in ((40, False), (4000, True)):
        one = model(n, seed=7)
        noise = np.random.default_rng(8).normal(0, 0.3, n)
        odds = [np.log(one.scores[:, 1] / one.scores[:, 0]) + sign * noise for sign in (1, -1)]
        both = [1 / (1 + np.exp(-o)) for o in odds]
        models = [replace(one, scores=np.stack([1 - p, p], axis=1)) for p in both]
        assert rule(verdict(models[0], Gate(margin=0.01), models[1]), "champion").passed is expected


@pytest.mark.parametrize(("k", "name"), every_metric())
def test_a_score_that_is_not_finite_fails(model, k, name):
    good = model(200, k)
    scores = good.scores.copy()
    scores[17] = np.nan
    bad = replace(good, scores=scores)
    limit = {name: -1e9 if METRICS[name].higher_is_better else 1e9}
    gate = Gate(metric=name, limits=limit, slices=SliceLimits(max_gap=1e9))
    found = verdict(bad, gate, good, Evaluation(resamples=100, slices=["sex"]))
    assert not found.passed
    assert [rule.name for rule in found.rules if rule.passed] == ["rows"]
    assert "1 rows have a score that is not finite" in rule(found, "primary metric").detail
    assert not rule(verdict(good, EMPTY, bad), "champion").passed


def test_an_undefined_metric_fails_every_rule_about_it(model):
    candidate = model(200)
    candidate = candidate.take(candidate.truth == 1)
    gate = Gate(limits={"balanced_accuracy": 0.0, "accuracy": 0.0})
    found = verdict(candidate, gate, candidate)
    failed = {rule.name for rule in found.rules if not rule.passed}
    assert failed == {"primary metric", "limit on balanced_accuracy", "baseline", "champion"}
    assert rule(found, "primary metric").detail == "roc_auc is undefined: a class has no rows"


def test_an_empty_gate_still_asks_for_rows_and_a_metric(model):
    found = verdict(model(200))
    assert [rule.name for rule in found.rules] == ["rows", "primary metric"]
    assert found.passed
    assert not verdict(model(29)).passed


def test_limits_are_minima_or_maxima(model):
    candidate = model(300)
    value = verdict(candidate, Gate(metric="accuracy", beat_baseline=False)).rules[1].value
    loss = verdict(candidate, Gate(metric="log_loss", beat_baseline=False)).rules[1].value
    for limits, expected in (
        ({"accuracy": value}, True),
        ({"accuracy": value + 0.001}, False),
        ({"log_loss": loss}, True),
        ({"log_loss": loss - 0.001}, False),
        ({"accuracy": value, "log_loss": loss - 0.001}, False),
    ):
        assert verdict(candidate, Gate(limits=limits, beat_baseline=False)).passed is expected
    detail = rule(verdict(candidate, Gate(limits={"accuracy": 0.99})), "limit on accuracy").detail
    assert detail.startswith(f"accuracy {value:g} [")
    assert detail.endswith("] is not at least 0.99")


@pytest.mark.parametrize(("k", "name"), [pair for pair in every_metric() if pair[1] != "calibration_error"])
def test_a_good_model_beats_the_baseline_and_the_baseline_does_not(model, k, name):
    good = model(500, k, strength=3.0)
    gate = Gate(metric=name)
    assert rule(verdict(good, gate), "baseline").passed
    constant = replace(good, scores=np.broadcast_to(PRIOR[k], good.scores.shape))
    assert not rule(verdict(constant, gate), "baseline").passed


def test_a_model_without_knowledge_does_not_beat_the_baseline(model):
    for k in KINDS:
        blind = model(500, k)
        blind = replace(blind, scores=blind.scores[np.random.default_rng(1).permutation(500)])
        assert not rule(verdict(blind, Gate()), "baseline").passed


def with_weak_group(model, rows: int) -> Predictions:
    """600 good rows, and a group of `rows` rows whose scores say nothing."""
    good, weak = model(600, seed=1, strength=3.0), model(rows, seed=2, strength=0.0)
    return Predictions(
        "classification",
        (0, 1),
        np.arange(600 + rows),
        np.concatenate([good.truth, weak.truth]),
        np.concatenate([good.scores, weak.scores]),
        {"site": np.repeat(["north", "south"], [600, rows])},
    )


def test_a_slice_far_below_the_whole_fails(model):
    evaluation = Evaluation(resamples=100, slices=["site"])
    candidate = with_weak_group(model, 60)
    strict, loose = (Gate(slices=SliceLimits(max_gap=gap)) for gap in (0.1, 0.9))
    found = rule(verdict(candidate, strict, evaluation=evaluation), "slices of site")
    assert not found.passed
    assert found.detail.startswith("site=south (60 rows) has the worst roc_auc of 2 groups")
    assert rule(verdict(candidate, loose, evaluation=evaluation), "slices of site").passed
    assert verdict(candidate, Gate(), evaluation=evaluation).rules[-1].name == "baseline"


def test_a_small_slice_is_named_and_not_judged(model):
    evaluation = Evaluation(resamples=100, slices=["site"])
    gate = Gate(slices=SliceLimits(max_gap=0.1, min_rows=30))
    found = rule(verdict(with_weak_group(model, 20), gate, evaluation=evaluation), "slices of site")
    assert found.passed
    assert found.detail.endswith("not judged for having fewer than 30 rows: south (20)")


def test_a_slice_without_a_value_fails(model):
    candidate = model(300)
    one_class = np.where(candidate.truth == 1, "only positives", "rest")
    candidate = replace(candidate, slices={"site": one_class})
    gate = Gate(slices=SliceLimits(max_gap=1.0))
    found = rule(verdict(candidate, gate, evaluation=Evaluation(slices=["site"])), "slices of site")
    assert not found.passed
    assert "roc_auc is undefined: a class has no rows" in found.detail


def test_a_slice_without_a_value_outranks_one_that_is_worse(model):
    candidate = with_weak_group(model, 60)
    site = candidate.slices["site"].copy()
    site[np.flatnonzero(candidate.truth == 1)[:40]] = "east"
    candidate = replace(candidate, slices={"site": site})
    gate = Gate(slices=SliceLimits(max_gap=1.0))
    found = rule(verdict(candidate, gate, evaluation=Evaluation(slices=["site"])), "slices of site")
    assert not found.passed
    assert found.detail.startswith("site=east (40 rows): roc_auc is undefined")


@pytest.mark.parametrize(("rows", "judged"), [(29, False), (30, True)])
def test_a_slice_is_judged_from_the_smallest_number_of_rows_on(model, rows, judged):
    gate = Gate(slices=SliceLimits(max_gap=0.05, min_rows=30))
    evaluation = Evaluation(resamples=100, slices=["site"])
    found = rule(verdict(with_weak_group(model, rows), gate, evaluation=evaluation), "slices of site")
    assert found.passed is not judged
    assert ("not judged" in found.detail) is not judged


def test_no_rows_fail_every_rule(model):
    nothing = model(50).take(slice(0))
    gate = Gate(limits={"accuracy": 0.0}, slices=SliceLimits(max_gap=1.0))
    found = verdict(nothing, gate, nothing, Evaluation(slices=["sex"]))
    assert [rule.name for rule in found.rules if rule.passed] == []
    assert len(found.rules) == 6


def test_a_margin_of_nothing_is_shown_as_0(model):
    found = rule(verdict(model(100), Gate(margin=0.0), model(100)), "champion")
    assert str(found.bound) == "0.0"
    assert found.detail.endswith("stays within the margin of 0")


def test_slices_that_are_missing_fail(model):
    gate = Gate(slices=SliceLimits(max_gap=1.0))
    assert not rule(
        verdict(model(100), gate, evaluation=Evaluation(slices=["site"])), "slices of site"
    ).passed
    assert not rule(verdict(model(100), gate), "slices").passed


def test_too_few_common_rows_fail_with_the_fix(model):
    candidate, champion = model(200), model(200)
    common = candidate.keys < 29
    candidate = replace(candidate, keys=np.where(common, candidate.keys, candidate.keys + np.uint64(10**6)))
    found = rule(verdict(candidate, EMPTY, champion), "champion")
    assert not found.passed
    assert found.detail == (
        "29 common rows (171 of the candidate's and 171 of the champion's left out), at least 30 are needed; predict "
        "the candidate's held-out rows with the champion, or lower gate.min_rows"
    )
    assert rule(verdict(candidate, Gate(min_rows=29), champion), "champion").passed


def test_a_champion_that_cannot_be_compared_fails(model):
    candidate = model(200)
    flipped = replace(candidate, truth=1 - candidate.truth)
    for champion in (flipped, model(200, 4), model(200, 0)):
        assert not rule(verdict(candidate, EMPTY, champion), "champion").passed


def test_what_was_computed_before_changes_nothing(model):
    for k in KINDS:
        candidate = model(300, k)
        known = Resampled.of(candidate, FAST)
        assert verdict(candidate, Gate(), resampled=known) == verdict(candidate, Gate())


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (Gate(metric="r2"), "^gate.metric: .*does not apply to binary"),
        (Gate(limits={"rmse": 1.0}), "^gate.limits: .*does not apply to binary"),
        (Gate(limits={"auto": 0.5, "roc_auc": 0.6}), "two of its names mean one metric"),
    ],
)
def test_a_gate_that_makes_no_sense_is_an_error(model, gate, message):
    with pytest.raises(LastroError, match=message):
        verdict(model(100), gate)


def test_a_verdict_comes_back_from_json(model):
    found = verdict(model(200), Gate(limits={"accuracy": 0.99, "log_loss": 0.9}), model(200))
    assert Verdict.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    assert all("\n" not in rule.detail for rule in found.rules)


def test_a_verdict_that_was_tampered_with_is_refused(model):
    content = verdict(model(20)).to_json()
    for tampered in (
        content | {"passed": True},
        content | {"passed": True, "rules": []},
        {"passed": True},
        [],
        content | {"passed": "yes", "rules": [rule | {"passed": "yes"} for rule in content["rules"]]},
    ):
        with pytest.raises(LastroError, match=r"^verdict: "):
            Verdict.from_json(tampered)
