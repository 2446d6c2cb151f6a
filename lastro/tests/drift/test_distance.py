"""Distances between two samples: bounded, symmetrical, 0 for the same, and alarmed by more than chance only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lastro.operations.report.drift import categories, numbers

floats = st.floats(-1e6, 1e6) | st.just(float("nan"))
samples = arrays(np.float64, st.integers(1, 60), elements=floats)
words = st.lists(st.sampled_from(["Porto", "Aveiro", "Évora", "\0"]), min_size=1, max_size=60).map(np.array)


@given(samples, samples)
def test_numbers(before, now):
    there, back = numbers(before, now), numbers(now, before)
    assert 0 <= there.distance <= 1 + 1e-12
    assert 0 <= there.p <= 1
    assert there.distance == pytest.approx(back.distance)
    assert numbers(before, before).distance == 0


@given(words, words)
def test_categories(before, now):
    there, back = categories(before, now), categories(now, before)
    assert 0 <= there.distance <= 1 + 1e-12
    assert there.distance == pytest.approx(back.distance)
    assert categories(before, before).distance == 0


@given(samples, st.randoms(use_true_random=False))
def test_order_does_not_matter(sample, random):
    order = list(range(len(sample)))
    random.shuffle(order)
    other = np.array([1.0, 2.0, 3.0])
    assert numbers(sample[order], other).distance == pytest.approx(numbers(sample, other).distance)


def test_a_shift_is_seen_and_a_handful_of_rows_is_not():
    rng = np.random.default_rng(1)
    before = rng.normal(size=2000)
    assert numbers(before, rng.normal(1, 1, 500)).beyond(0.2, 30)
    assert not numbers(before, rng.normal(size=500)).beyond(0.2, 30)
    # Five rows lie far apart by chance alone.
    alarms = sum(numbers(before, rng.normal(size=5)).beyond(0.2, 30) for _ in range(200))
    assert alarms <= 2


def test_values_that_went_missing_are_a_shift():
    rng = np.random.default_rng(1)
    before, now = rng.normal(size=1000), rng.normal(size=1000)
    now[:600] = np.nan
    moved = numbers(before, now)
    assert moved.beyond(0.2, 30)


def test_a_new_category_is_a_shift():
    before = np.array(["a"] * 500 + ["b"] * 500)
    assert categories(before, np.array(["a"] * 100 + ["c"] * 300)).beyond(0.2, 30)
