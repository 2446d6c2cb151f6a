"""What the app refuses, where it says that it is, and that it never repeats what was sent."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastro.artifact.columns import Columns
from lastro.artifact.errors import RefusedError
from lastro.serving.bodies import FORMS, media_type, read

CANARY = "zqxj"
ROW = {
    "size": 1.0,
    "count": 2,
    "open": True,
    "city": "Porto",
    "since": "2024-02-29",
    "void": None,
    "still": 7.0,
}


def refuse(model, body: bytes | str | dict, kind: str = "application/json") -> RefusedError:
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    with pytest.raises(RefusedError) as caught:
        model.answer(read(kind, raw, model.columns, 1000))
    assert CANARY not in json.dumps(caught.value.to_json())
    return caught.value


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("size", CANARY, "wrong_type"),
        ("size", True, "wrong_type"),
        ("size", [1], "wrong_type"),
        ("size", {"a": 1}, "wrong_type"),
        ("size", 1e39, "out_of_range"),
        ("size", 10**400, "out_of_range"),
        ("size", float("inf"), "out_of_range"),
        ("size", float("-inf"), "out_of_range"),
        ("open", 1, "wrong_type"),
        ("open", "true", "wrong_type"),
        ("city", CANARY, "unknown_category"),
        ("city", 3, "wrong_type"),
        ("since", CANARY, "wrong_date"),
        ("since", "2023-02-29", "wrong_date"),
        ("since", 20240101, "wrong_type"),
        ("still", None, "missing_value"),
        ("still", float("nan"), "missing_value"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column(model, column, value, kind):
    rows = [ROW, ROW, ROW | {column: value}]
    for body in (
        {"dataframe_records": rows},
        {"instances": rows},
        {"inputs": {name: [row[name] for row in rows] for name in ROW}},
        {"dataframe_split": {"columns": list(ROW), "data": [list(row.values()) for row in rows]}},
    ):
        refused = refuse(model, body)
        assert (refused.status, refused.kind, refused.row, refused.column) == (400, kind, 2, column)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("{", "bad_json"),
        ("", "bad_json"),
        (b"\xff\xfe", "bad_json"),
        ("[" * 100_000, "bad_json"),
        ('{"instances":' + "[" * 100_000 + "]" * 100_000 + "}", "bad_json"),
        ([ROW], "bad_form"),
        ("1", "bad_form"),
        ({}, "bad_form"),
        ({"instances": [ROW], "inputs": []}, "bad_form"),
        ({"instances": [ROW], CANARY: 1}, "bad_form"),
        ({"instances": [ROW], "params": {"a": 1}}, "bad_form"),
        ({"instances": ROW}, "bad_form"),
        ({"instances": [[1, 2]]}, "bad_form"),
        ({"inputs": {"size": 1}}, "bad_form"),
        ({"dataframe_split": [1]}, "bad_form"),
        ({"dataframe_split": {"columns": list(ROW), "data": [ROW]}}, "bad_form"),
        ({"dataframe_split": {"columns": [*ROW, "size"], "data": []}}, "duplicate_column"),
        ({"dataframe_split": {"columns": list(ROW), "data": [[1]]}}, "ragged_row"),
        ({"inputs": {"size": [1], "still": [1, 2]}}, "ragged_row"),
        ({"instances": [ROW | {CANARY: 1}]}, "unknown_column"),
        ({"instances": [{"size": 1}]}, "missing_column"),
        ({"instances": [ROW] * 1001}, "too_many_rows"),
    ],
    ids=str,
)
def test_a_bad_body(model, body, kind):
    if isinstance(body, list):
        body = json.dumps(body)
    assert refuse(model, body).kind == kind


@pytest.mark.parametrize(
    ("body", "kind", "row", "column"),
    [
        (b"", "bad_csv", None, None),
        (b"\xff", "bad_csv", None, None),
        (b'still\n"7', "bad_csv", None, None),
        (f"still,{CANARY}\n7,1\n".encode(), "unknown_column", None, None),
        (b"size\n1\n", "missing_column", None, "still"),
        (b"still,still\n1,1\n", "duplicate_column", None, "still"),
        (b"still,size\n7,1\n7\n", "ragged_row", 1, None),
        (b"still,size\n7,1\n7,1,1\n", "ragged_row", 1, None),
        (b"still,size\n7,1\n7,1_0\n", "wrong_type", 1, "size"),
        (f"still,size\n7,{CANARY}\n".encode(), "wrong_type", 0, "size"),
        (b"still,size\n7,inf\n", "out_of_range", 0, "size"),
        (b"still,size\n,1\n", "missing_value", 0, "still"),
        (b"still,open\n7,maybe\n", "wrong_type", 0, "open"),
    ],
)
def test_a_bad_csv(model, body, kind, row, column):
    refused = refuse(model, body, "text/csv")
    assert (refused.kind, refused.row, refused.column) == (kind, row, column)


SPELT = ["None", "NA", "<NA>", "null", "Tile"]


@pytest.mark.parametrize("nullable", [True, False])
def test_a_category_of_csv_is_itself_whatever_it_spells(nullable):
    column = {"name": "alley", "kind": "category", "nullable": nullable, "categories": SPELT}
    columns = Columns({"features": [column], "unseen_categories": "error"})
    body = ("alley\n" + "".join(f"{text}\n" for text in SPELT)).encode()
    [block] = read("text/csv", body, columns, 10)
    assert block[:, 0].tolist() == [0, 1, 2, 3, 4]
    if nullable:
        # What is left is missing, as when the table was read for training.
        [block] = read("text/csv", b'alley\n#NA\n""\nnan\n', columns, 10)
        assert np.isnan(block).all()


def test_what_is_missing_in_csv_is_what_was_missing_in_training():
    column = {"name": "roof", "kind": "category", "nullable": True, "categories": ["Tile"]}
    columns = Columns({"features": [column], "unseen_categories": "error"})
    nulls = pyarrow.csv.ConvertOptions().null_values
    [block] = read("text/csv", "".join(f'"{text}"\n' for text in ["roof", *nulls]).encode(), columns, 100)
    assert np.isnan(block).all()
    with pytest.raises(RefusedError) as caught:
        list(read("text/csv", b"roof\nNone\n", columns, 10))
    assert caught.value.kind == "unknown_category"


def test_rows_over_the_limit_are_refused_before_they_are_python_objects(model):
    body = b'{"instances":[' + b"[]," * 300_000 + b"[]]}"
    with pytest.raises(RefusedError) as caught:
        read("application/json", body, model.columns, 1_000)
    assert (caught.value.status, caught.value.kind) == (413, "too_many_rows")


def test_a_bad_row_beyond_the_first_block_has_its_own_number(model):
    body = b"still\n" + b"7\n" * 5_000 + b"x\n"
    with pytest.raises(RefusedError) as caught:
        model.answer(read("text/csv", body, model.columns, 10_000))
    assert (caught.value.row, caught.value.column) == (5_000, "still")


@pytest.mark.parametrize(
    ("header", "media"),
    [
        ("application/json", "application/json"),
        ("Application/JSON; charset=UTF-8", "application/json"),
        ('text/csv;charset="utf-8"', "text/csv"),
        ("", None),
        ("text/html", None),
        ("application/vnd.apache.parquet", None),
        ("application/json; charset=latin-1", None),
        ("application/json; format=pandas-split", None),
    ],
)
def test_content_types(header, media):
    if media:
        assert media_type(header) == media
        return
    with pytest.raises(RefusedError) as caught:
        media_type(header)
    assert caught.value.status == 415


CELL = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["Porto", "2024-01-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NAME = st.sampled_from([*ROW, "columns", "data", "index"]) | st.text(max_size=3)
TABLE = (
    CELL
    | st.lists(st.dictionaries(NAME, CELL, max_size=8), max_size=4)
    | st.dictionaries(NAME, st.lists(CELL, max_size=4), max_size=8)
    | st.builds(
        lambda names, data: {"columns": names, "data": data},
        st.permutations(list(ROW)) | st.lists(NAME),
        st.lists(st.lists(CELL, max_size=8), max_size=3),
    )
)


def answers_or_refuses(model, kind: str, body: bytes) -> None:
    with contextlib.suppress(RefusedError):
        answer, _ = model.answer(read(kind, body, model.columns, 100))
        json.loads(answer)


@given(st.dictionaries(st.sampled_from([*FORMS, "params"]) | st.text(max_size=3), TABLE, max_size=2))
def test_any_json_is_answered_or_refused(model, content):
    answers_or_refuses(model, "application/json", json.dumps(content).encode())


@given(st.sampled_from(["application/json", "text/csv"]), st.binary(max_size=200))
def test_any_bytes_are_answered_or_refused(model, kind, body):
    answers_or_refuses(model, kind, body)


@given(
    st.lists(st.lists(st.text(alphabet='still,size"\n\r7.eE-+naN_x ', max_size=9), max_size=8), max_size=5)
)
def test_any_csv_is_answered_or_refused(model, rows):
    body = "still,size\n" + "\n".join(",".join(row) for row in rows)
    answers_or_refuses(model, "text/csv", body.encode())


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        (True, "wrong_type"),
        ("1.5", "wrong_type"),
        ([1.0], "wrong_type"),
        (None, "missing_value"),
        (2**80, None),
        (-3, None),
    ],
)
def test_numbers_alone_are_checked_cell_by_cell(cell, kind):
    """Where every column is a number, numpy reads the rows at once, and takes more for numbers than we do."""
    features = [{"name": name, "kind": "float", "nullable": False} for name in "ab"]
    columns = Columns({"features": features, "unseen_categories": "error"})
    body = json.dumps({"dataframe_split": {"columns": ["b", "a"], "data": [[1, 2.5], [3, cell]]}}).encode()
    if kind is None:
        (block,) = read("application/json", body, columns, 9)
        assert block.tolist() == [[2.5, 1.0], [float(cell), 3.0]]
        return
    with pytest.raises(RefusedError) as caught:
        list(read("application/json", body, columns, 9))
    assert (caught.value.kind, caught.value.row, caught.value.column) == (kind, 1, "a")


def test_all_cells_nested_alike_are_no_numbers():
    columns = Columns(
        {"features": [{"name": "a", "kind": "float", "nullable": False}], "unseen_categories": "error"}
    )
    body = json.dumps({"dataframe_split": {"columns": ["a"], "data": [[[1.0]], [[2.0]]]}}).encode()
    with pytest.raises(RefusedError, match="row 0, column 'a': has the wrong type"):
        list(read("application/json", body, columns, 9))
