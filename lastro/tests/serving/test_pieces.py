"""A body cut in pieces is read as the whole one is, whatever its rows hold; and objects that name a key twice."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastro.artifact.columns import Columns
from lastro.artifact.errors import RefusedError
from lastro.serving import pieces
from lastro.serving.bodies import CSV, JSON, read

TEXTS = ["a", "],[", '"],["', "},{", 'x","y', "\n", '"\n"', "ç", "\\", "]"]
COLUMNS = Columns(
    {
        "features": [
            {"name": "t]x", "kind": "category", "categories": TEXTS, "nullable": True},
            {"name": "n", "kind": "float", "nullable": True},
        ],
        "unseen_categories": "error",
        "labels": [],
    }
)
ROWS = st.lists(st.tuples(st.sampled_from(TEXTS), st.integers(-5, 5)), min_size=1, max_size=60)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", 100)
    monkeypatch.setattr(pieces, "LONGEST", 400)


def made(rows, form: str, indent: int | None) -> tuple[str, bytes]:
    names = COLUMNS.names
    if form == "csv":
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerows([names, *rows])
        return CSV, text.getvalue().encode()
    if form.startswith("dataframe_split"):
        content = {"columns": names, "data": rows}
        if form == "dataframe_split with index":
            content = {"index": list(range(len(rows))), **content}
        form = "dataframe_split"
    else:
        content = [dict(zip(names, row, strict=True)) for row in rows]
    return JSON, json.dumps({form: content}, indent=indent, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "form",
    ["csv", "dataframe_split", "dataframe_split with index", "dataframe_records", "instances", "inputs"],
)
@given(rows=ROWS, indent=st.sampled_from([None, 1]))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_are_the_whole(form, rows, indent):
    media, body = made(rows, form, indent)
    whole = np.concatenate(list(read(media, body, COLUMNS, 1000)))
    shrinking = bytearray(body)
    cut = np.concatenate(list(pieces.read_pieces(media, shrinking, COLUMNS, 1000)))
    np.testing.assert_array_equal(whole, cut)


@pytest.mark.parametrize("form", ["csv", "dataframe_split", "dataframe_records"])
def test_a_bad_row_has_its_number_in_the_whole_body(form):
    media, body = made([("a", 1)] * 70 + [("z", 1)] + [("a", 1)] * 20, form, None)
    with pytest.raises(RefusedError, match=r"^row 70, column 't\]x': "):
        list(pieces.read_pieces(media, bytearray(body), COLUMNS, 1000))


@pytest.mark.parametrize("form", ["csv", "dataframe_split", "dataframe_records"])
def test_rows_are_counted_over_all_pieces(form):
    media, body = made([("a", 1)] * 91, form, None)
    with pytest.raises(RefusedError, match="more than 90 rows"):
        list(pieces.read_pieces(media, bytearray(body), COLUMNS, 90))


@pytest.mark.parametrize(
    ("media", "body"),
    [
        (JSON, b'{"inputs": {"n": [' + b"1," * 500 + b"1]}}"),
        (
            JSON,
            b'{"dataframe_split": {"columns": ["n"], "data": ['
            + b"[1]," * 50
            + b"["
            + b"1," * 500
            + b"1]]}}",
        ),
        (JSON, b"[" * 500),
        (JSON, b'{"dataframe_records": [' + b"}" * 500),
        (JSON, b'{"dataframe_split": {"columns": ["n"], "data": [["' + b'"],[' * 500),
        (CSV, b"n\n" + b"1," * 500),
        (CSV, b"n" * 500),
        (CSV, b"n\r" + b"1\r" * 500),
        (CSV, b'n\n"' + b"1\n" * 500),
    ],
)
def test_what_cannot_be_cut_is_refused(media, body):
    with pytest.raises(RefusedError) as refused:
        list(pieces.read_pieces(media, bytearray(body), COLUMNS, 10_000))
    assert refused.value.status in (400, 413)


@pytest.mark.parametrize(
    "body",
    [
        '{"instances": [{"n": 1, "n": 2}]}',
        '{"instances": [{"n": 1}, {"n" : 1, "n": 1}]}',
        r'{"instances": [{"n": 1, "\u006e": 2}]}',
        '{"instances": [{"n": NaN, "n": 2}]}',
        '{"instances": [{"n": 1}], "instances": [{"n": 1}]}',
        '{"inputs": {"n": [1], "n": [2]}}',
        '{"inputs": {"n": [1], "n" :[2]}}',
        '{"dataframe_split": {"columns": ["n"], "data": [[1]], "data": [[2]]}}',
        '{"dataframe_split": {"columns": ["n"], "data": [[1]], "data": [[2]' + ", [2]" * 3000 + "]}}",
    ],
)
def test_an_object_that_names_a_key_twice_is_refused(body):
    columns = Columns(
        {"features": [{"name": "n", "kind": "float", "nullable": True}], "unseen_categories": "error"}
    )
    with pytest.raises(RefusedError) as refused:
        list(read(JSON, body.encode(), columns, 10_000))
    assert (refused.value.status, refused.value.kind) == (400, "duplicate_key")


def test_what_looks_like_a_name_in_a_text_is_none():
    columns = Columns(
        {
            "features": [{"name": "n", "kind": "category", "categories": ['":'], "nullable": True}],
            "unseen_categories": "error",
        }
    )
    (block,) = read(JSON, json.dumps({"instances": [{"n": '":'}]}).encode(), columns, 9)
    assert block.tolist() == [[0.0]]
