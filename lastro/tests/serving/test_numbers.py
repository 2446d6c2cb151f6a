"""Large bodies of numbers: the fast reader gives what the careful one gives, bit by bit, and leaves the rest to it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastro.artifact.columns import LARGEST, Columns
from lastro.artifact.errors import RefusedError
from lastro.serving import bodies
from lastro.serving.bodies import JSON, read, read_json, read_numbers

NAMES = ["a", "b [cm]", "c,"]


@pytest.fixture(scope="module")
def columns() -> Columns:
    return Columns(
        {
            "features": [
                {"name": name, "kind": kind, "nullable": nullable}
                for name, kind, nullable in zip(
                    NAMES, ("float", "integer", "float"), (False, False, True), strict=True
                )
            ],
            "unseen_categories": "error",
        }
    )


@pytest.fixture(autouse=True)
def also_small(monkeypatch):
    monkeypatch.setattr(bodies, "FAST_FROM", 0)


def split(names, data: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    table = b'{"columns":' + json.dumps(names).encode() + b"," + before + b'"data":' + data + after + b"}"
    return b'{"dataframe_split":' + table + b"}"


WHOLE = st.integers(-(2**64), 2**65)
CELL = st.one_of(st.floats(-LARGEST, LARGEST), WHOLE, st.floats(allow_nan=False, allow_infinity=False))


@given(
    st.permutations(NAMES), st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=20), st.integers(0, 2)
)
@settings(max_examples=300)
def test_same_bits_as_the_careful_reader(columns, names, rows, indent):
    body = json.dumps({"dataframe_split": {"columns": names, "data": rows}}, indent=indent or None).encode()
    try:
        expected = read_json(body, columns, 100)
    except RefusedError:
        assert read_numbers(body, columns, 100) is None
        return
    found = read_numbers(body, columns, 100)
    # Beyond 64 bits it leaves whole numbers to the careful one.
    if found is None:
        assert max(abs(cell) for row in rows for cell in row) >= 2**63
    else:
        assert found.dtype == np.float64
        assert found.flags.c_contiguous
        assert found.tobytes() == expected.tobytes()


def test_it_is_what_reads_a_large_body(columns, monkeypatch):
    monkeypatch.setattr(bodies, "FAST_FROM", 4096)
    body = split(NAMES, json.dumps([[0.1, 2, 1e-300]] * 1000).encode())
    assert read_numbers(body, columns, 1000) is not None
    (matrix,) = read(JSON, body, columns, 1000)
    assert matrix.tolist() == [[0.1, 2, 1e-300]] * 1000


@pytest.mark.parametrize(
    "body",
    [
        split(NAMES, b"[[1,2,3],[1,2]]"),
        split(NAMES, b"[[1,2],[1,2,3,4]]"),
        split(NAMES, b"[[1,2,[3]]]"),
        split(NAMES, b"[[1,[2,3]]]"),
        split(NAMES, b"[[[1,2,3]]]"),
        split(NAMES, b"[1,2,3]"),
        split(NAMES, b"[[1,2,3],4]"),
        split(NAMES, b"[]"),
        split(NAMES, b"[[]]"),
        split(NAMES, b"{}"),
        split(NAMES, b"7"),
        split(NAMES, b"[[1,2,true]]"),
        split(NAMES, b"[[1,2,null]]"),
        split(NAMES, b'[[1,2,"3"]]'),
        split(NAMES, b"[[1,2,NaN]]"),
        split(NAMES, b"[[1,2,1e400]]"),
        split(NAMES, b"[[1,2,1e39]]"),
        split(NAMES, b"[[1,2,3]]", after=b',"data":[[1,2,3]]'),
        split(NAMES, b"[[1,2,3]]", before=b'"columns":["a"],'),
        split(NAMES, b"[[1,2,3]]", after=b',"index":[0]'),
        split(NAMES[:2], b"[[1,2]]"),
        split([*NAMES, "d"], b"[[1,2,3,4]]"),
        split(["a", "a", "b [cm]"], b"[[1,2,3]]"),
        split([1, 2, 3], b"[[1,2,3]]"),
        split([], b"[]"),
        split([["a"]], b"[[1]]"),
        split(NAMES, b"[[1,2,3]]") + b" x",
        split(NAMES, b"[[1,2,3]]").replace(b'"a"', b'"\\u0061"'),
        b'{"dataframe_split":{"columns":["a","b [cm]","c,"],"data":[[1,2,3]]},"params":{}}',
        b'{"instances":[[1,2,3]]}',
        b'{"dataframe_split":[]}',
        b'{"dataframe_split":null}',
        b"[" * 100_000,
        b'"\xff"',
        b"[]",
        b"7",
        b"",
    ],
)
def test_whatever_is_unusual_is_left_to_the_careful_reader(columns, body):
    assert read_numbers(body, columns, 100) is None


def test_more_rows_than_allowed_and_other_columns_are_left_too(columns):
    body = split(NAMES, b"[[1,2,3],[1,2,3]]")
    assert read_numbers(body, columns, 2) is not None
    assert read_numbers(body, columns, 1) is None
    texts = Columns(
        {
            "features": [{"name": "a", "kind": "category", "nullable": False, "categories": ["x"]}],
            "unseen_categories": "error",
        }
    )
    assert read_numbers(split(["a"], b"[[1]]"), texts, 10) is None
