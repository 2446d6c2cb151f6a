"""A row is in one part only, equal rows are together, and new rows barely move old ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lastro.core.params import Split
from lastro.tables.keys import hash_rows
from lastro.tables.split import TEST, TRAIN, VALIDATION, split_by_content, split_by_group, split_by_time

FRACTIONS = st.floats(0.05, 0.45)


def hashes(values) -> np.ndarray:
    return hash_rows(pa.table({"x": pa.chunked_array([np.asarray(values, float)])}), ["x"])[0]


@given(st.lists(st.integers(0, 40), min_size=60, max_size=200), FRACTIONS, FRACTIONS, st.integers(0, 2**32))
def test_equal_rows_share_a_part_and_none_is_empty(values, test, validation, seed):
    values = [*values, 41, 42, 43]
    parts = split_by_content(hashes(values), Split(test=test, validation=validation, seed=seed), None)
    for value in set(values):
        assert len({part for part, v in zip(parts, values, strict=True) if v == value}) == 1
    assert set(parts) == {TRAIN, VALIDATION, TEST}


@given(st.permutations(range(50)), st.integers(0, 2**32))
def test_order_of_rows_does_not_matter(order, seed):
    split = Split(seed=seed)
    there = split_by_content(hashes(range(50)), split, None)
    here = split_by_content(hashes(order), split, None)
    assert [there[value] for value in order] == list(here)


@given(st.integers(300, 3000), st.integers(0, 2**32))
def test_shares_hold_in_every_class(n, seed):
    classes = np.arange(n) % 10 // 7
    parts = split_by_content(hashes(range(n)), Split(test=0.3, validation=0.2, seed=seed), classes)
    for label in (0, 1):
        here = parts[classes == label]
        assert abs(np.mean(here == TEST) - 0.3) < 0.02
        assert abs(np.mean(here == VALIDATION) - 0.2) < 0.02


@given(st.integers(0, 2**32))
def test_new_rows_hardly_move_old_ones(seed):
    split = Split(seed=seed)
    before = split_by_content(hashes(range(2000)), split, None)
    after = split_by_content(hashes(range(2200)), split, None)[:2000]
    assert np.mean(before != after) < 0.05


def test_seed_chooses():
    first, second = (split_by_content(hashes(range(500)), Split(seed=seed), None) for seed in (1, 2))
    assert np.mean(first != second) > 0.2


@given(st.lists(st.integers(0, 12), min_size=40, max_size=200), st.integers(0, 2**32))
def test_groups_stay_together(groups, seed):
    groups = np.array([*groups, 13, 14, 15])
    parts = split_by_group(hashes(groups), Split(seed=seed))
    assert all(len(set(parts[groups == group])) == 1 for group in set(groups))
    assert set(parts) == {TRAIN, VALIDATION, TEST}


@given(
    st.lists(st.integers(-1000, 1000), min_size=40, max_size=200).filter(lambda times: len(set(times)) > 5)
)
def test_test_rows_are_the_newest(times):
    times = np.array(times)
    parts = split_by_time(times, Split())
    assert times[parts == TRAIN].max() < times[parts == VALIDATION].min()
    assert times[parts == VALIDATION].max() < times[parts == TEST].min()


def test_no_row_of_a_prepared_table_is_in_two_parts(project):
    values = [i % 70 for i in range(400)]
    project.table({"id": list(range(400)), "x": values, "target": [v % 2 for v in values]})
    project.prepare(data__key="id")
    parts = project.parts()
    keys = {name: set(table["__key__"].to_pylist()) for name, table in parts.items()}
    assert sum(map(len, keys.values())) == len(set.union(*keys.values())) == 400
    seen = {name: set(table["x"].to_pylist()) for name, table in parts.items()}
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["validation"]
    assert not seen["validation"] & seen["test"]


def test_group_and_time_columns(project):
    n = 200
    project.table(
        {
            "patient": [f"p{i % 20}" for i in range(n)],
            "day": [f"2026-{i // 28 + 1:02d}-{i % 28 + 1:02d}" for i in range(n)],
            "x": [i * 0.1 for i in range(n)],
            "target": [i % 2 for i in range(n)],
        }
    )
    project.prepare(data__split__group="patient")
    assert "patient" not in [c["name"] for c in project.schema()["features"]]
    project.prepare(data__split__time="day", data__ignore=["patient", "day"])
    assert project.part("test")["x"].to_numpy().min() > project.part("train")["x"].to_numpy().max()
    assert [c["name"] for c in project.schema()["features"]] == ["x"]
