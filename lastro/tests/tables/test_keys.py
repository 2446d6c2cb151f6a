"""A row's key names it whatever happens around it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lastro.tables.keys import hash_rows

NUMBERS = st.lists(st.none() | st.integers(-(2**53), 2**53), min_size=1, max_size=30)


def key(columns: dict[str, pa.Array]) -> list[int]:
    table = pa.table({name: pa.chunked_array([array]) for name, array in columns.items()})
    return hash_rows(table, table.column_names)[0].tolist()


@given(NUMBERS)
def test_whole_numbers_hash_alike_as_integers_and_decimals(values):
    assert key({"x": pa.array(values, pa.int64())}) == key({"x": pa.array(values, pa.float64())})


@given(st.lists(st.text(max_size=8), min_size=2, max_size=20), st.randoms())
def test_order_of_columns_and_rows_does_not_matter(texts, random):
    numbers = list(range(len(texts)))
    there = key({"a": pa.array(texts), "b": pa.array(numbers)})
    order = numbers[:]
    random.shuffle(order)
    here = key({"b": pa.array([numbers[i] for i in order]), "a": pa.array([texts[i] for i in order])})
    assert [there[i] for i in order] == here


def test_different_rows_have_different_keys():
    n = 200_000
    keys = key({"a": pa.array(np.arange(n)), "b": pa.array(np.arange(n)[::-1].copy())})
    assert len(set(keys)) == n


def test_what_tells_rows_apart():
    cells = [pa.array([1]), pa.array([2]), pa.array([None], pa.int64()), pa.array(["1"]), pa.array([""])]
    keys = [key({"a": cell})[0] for cell in cells] + [key({"b": pa.array([1])})[0]]
    # Two columns that swap their values make another row.
    keys += [
        key({"a": pa.array([1]), "b": pa.array([2])})[0],
        key({"a": pa.array([2]), "b": pa.array([1])})[0],
    ]
    assert len(set(keys)) == len(keys)
    assert key({"a": pa.array([0.0])}) == key({"a": pa.array([-0.0])})


def test_keys_are_the_same_on_every_machine():
    # A released model's keys are compared with those of another year.
    columns = {"a": pa.array([1, None]), "b": pa.array(["x", None]), "c": pa.array([True, False])}
    assert key(columns) == GOLDEN


GOLDEN = [16727639169337960688, 176309867305715140]


def test_ignoring_a_column_keeps_the_keys(project, mixed):
    project.table(mixed)
    project.prepare()
    keys = {k for table in project.parts().values() for k in table["__key__"].to_pylist()}
    project.prepare(data__ignore=["age"])
    assert keys == {k for table in project.parts().values() for k in table["__key__"].to_pylist()}


def test_named_key_is_kept_as_it_is(project, mixed):
    project.table(mixed | {"id": [f"r{i}" for i in range(60)]})
    project.prepare(data__key="id")
    found = {k for table in project.parts().values() for k in table["__key__"].to_pylist()}
    assert found == {f"r{i}" for i in range(60)}


def test_large_identifiers_tell_rows_apart():
    values = [2**60 + i for i in range(200)]
    assert len(set(key({"id": pa.array(values)}))) == 200
    # Where decimals are exact, the type of the column does not count.
    assert key({"id": pa.array([7, 2**60])})[0] == key({"id": pa.array([7.0, 1.0])})[0]
