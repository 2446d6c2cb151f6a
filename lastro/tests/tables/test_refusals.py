"""What prepare refuses: one line that names file, column, first offending row, and what was expected."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest

from lastro.core.errors import LastroError
from lastro.tables.sources import read_source

ROWS = 60
LABELS = [i % 2 for i in range(ROWS)]


def refused(workshop, *words: str, source: str = "table.csv", **overrides) -> str:
    """prepare fails with one line that holds all the words, and leaves what was there."""
    before = {p: p.read_bytes() for p in workshop.paths.prepared.glob("*")}
    with pytest.raises(LastroError) as caught:
        workshop.prepare(source, **overrides)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    assert {p: p.read_bytes() for p in workshop.paths.prepared.glob("*")} == before
    return message


def test_missing_target_suggests_the_nearest(workshop):
    workshop.table({"x": list(range(ROWS)), "targte": LABELS})
    refused(workshop, "table.csv", "data.target", "'target'", "did you mean 'targte'")


def test_target_with_nulls(workshop):
    workshop.table({"x": list(range(ROWS)), "target": [*LABELS[:16], None, *LABELS[17:]]})
    refused(workshop, "table.csv: row 17", "'target'", "expected a value in every row")


def test_single_class(workshop):
    workshop.table({"x": list(range(ROWS)), "target": ["a"] * ROWS})
    refused(workshop, "table.csv: row 1", "'target'", "'a'", "at least two classes")


def test_duplicate_names_in_csv(workshop):
    workshop.csv("x,y,x,target\n1,2,3,0\n")
    refused(workshop, "table.csv", "'x'", "twice")


def test_empty_file(workshop):
    workshop.csv("")
    refused(workshop, "table.csv", "empty", "expected a header")


def test_header_without_rows(workshop):
    workshop.csv("x,target\n")
    refused(workshop, "table.csv", "no rows")


def test_ragged_row(workshop):
    workshop.csv("x,target\n1,0\n2\n3,1\n")
    refused(workshop, "table.csv", "Row #3", "Expected 2 columns, got 1")


def test_not_utf8(workshop):
    (workshop.folder / "table.csv").write_bytes(b"x,target\n" + b"a,0\n" * 3 + b"\xe9,1\n")
    refused(workshop, "table.csv: row 4", "'x'", "UTF-8")


def test_header_that_is_not_utf8(workshop):
    (workshop.folder / "table.csv").write_bytes("größe,target\n".encode("latin-1") + b"1,0\n" * 3)
    refused(workshop, "table.csv", "header", "UTF-8")


@pytest.fixture
def nobody():
    """Root may read every file, so be somebody else for a while."""
    uid = os.geteuid()
    if uid == 0:
        os.seteuid(65534)
    yield
    os.seteuid(uid)


@pytest.mark.parametrize("name", ["table.csv", "table.parquet", "parts"])
def test_source_that_may_not_be_read(tmp_path, request, name):
    path = tmp_path / name
    path.mkdir(mode=0) if name == "parts" else path.touch(mode=0)
    request.getfixturevalue("nobody")
    with pytest.raises(
        LastroError, match=rf"{name}: may not be read \(Permission denied: .*{name}.*\); .*chmod"
    ):
        read_source(name, tmp_path)


def test_not_parquet(workshop):
    workshop.csv("x,target\n1,0\n", "table.parquet")
    refused(workshop, "table.parquet", "not a Parquet file", source="table.parquet")


def test_missing_source(workshop):
    refused(workshop, "nowhere.csv", "no such file", source="nowhere.csv")


def test_infinity(workshop):
    workshop.csv("x,target\n" + "".join(f"{'inf' if i == 4 else i},{i % 2}\n" for i in range(ROWS)))
    refused(workshop, "table.csv: row 5", "'x'", "infinite")


def test_identifier_names_the_line_that_leaves_it_out(workshop):
    workshop.table({"name": [f"n{i}" for i in range(ROWS)], "x": list(range(ROWS)), "target": LABELS})
    message = refused(workshop, "table.csv: row 31", "'name'", "'n30'", 'data.ignore: ["name"]')
    assert "60 distinct in 60 rows" in message
    workshop.prepare(data__ignore=["name"])


def test_more_categories_than_params_allow(workshop):
    workshop.table({"c": [f"c{i % 25}" for i in range(600)], "target": [i % 2 for i in range(600)]})
    workshop.prepare()
    refused(workshop, "'c'", "at most 22", data__max_categories=22)


def test_unsupported_type(workshop):
    workshop.table({"l": [[1]] * ROWS, "target": LABELS}, "table.parquet")
    refused(workshop, "table.parquet", "'l'", "list", 'data.ignore: ["l"]', source="table.parquet")


def test_too_few_rows_of_a_class(workshop):
    workshop.table({"x": list(range(42)), "target": ["a"] * 20 + ["rare"] * 2 + ["b"] * 20})
    refused(workshop, "table.csv: row 21", "'rare'", "at least 3")


def test_copies_of_one_row_are_not_many_rows(workshop):
    workshop.table({"x": [1] * 20 + list(range(20)), "target": ["a"] * 20 + ["b"] * 20})
    refused(workshop, "'a'", "at least 3")


def test_repeated_key(workshop):
    workshop.table({"id": [*range(30), *range(30)], "x": list(range(ROWS)), "target": LABELS})
    refused(workshop, "table.csv: row 31", "'id'", "repeats 0", data__key="id")


def test_group_with_nulls(workshop):
    workshop.table({"g": [None, *range(ROWS - 1)], "x": list(range(ROWS)), "target": LABELS})
    refused(workshop, "table.csv: row 1", "group column 'g'", data__split__group="g")


def test_time_column_that_is_text(workshop):
    workshop.table({"t": ["a", "b"] * 30, "x": list(range(ROWS)), "target": LABELS})
    refused(workshop, "'t'", "expected dates", data__split__time="t")


def test_class_that_only_the_future_has(workshop):
    target = ["a", "b"] * 28 + ["new"] * 4
    workshop.table({"t": list(range(ROWS)), "target": target})
    refused(workshop, "table.csv: row 57", "'new'", "train part", data__split__time="t")


def test_regression_on_text(workshop):
    workshop.table({"x": list(range(ROWS)), "target": ["a", "b"] * 30})
    refused(workshop, "'target'", "'a'", "needs numbers", data__task="regression")


def test_classification_of_decimals(workshop):
    workshop.table({"x": list(range(ROWS)), "target": [0.0, 0.5] * 30})
    refused(workshop, "table.csv: row 2", "0.5", "needs classes", data__task="classification")


def test_no_feature_left(workshop):
    workshop.table({"x": list(range(ROWS)), "target": LABELS})
    refused(workshop, "no feature", data__ignore=["x"])


@pytest.mark.parametrize("key", ["data__key", "data__split__group", "data__split__time"])
def test_named_column_must_exist(workshop, key):
    workshop.table({"x": list(range(ROWS)), "target": LABELS})
    refused(workshop, key.replace("__", "."), "'gone'", **{key: "gone"})


def test_parts_that_disagree(workshop):
    workshop.table({"x": [1, 2], "target": [0, 1]}, "parts/a.parquet")
    workshop.table({"x": ["u", "v"], "target": [0, 1]}, "parts/b.parquet")
    refused(workshop, "b.parquet", "'x'", "expected int64", source="parts")
    workshop.table({"y": [1, 2], "target": [0, 1]}, "parts/b.parquet")
    refused(workshop, "'x'", "only one", source="parts")


def test_categories_of_parts_that_disagree(workshop):
    for name, values in {"a": ["u", "v"], "b": [1, 2]}.items():
        column = pa.array(values).dictionary_encode()
        workshop.table({"x": column, "target": [0, 1]}, f"parts/{name}.parquet")
    refused(workshop, "b.parquet", "'x'", "int64", "expected string", source="parts")


def test_parts_that_disagree_after_one_without_values(workshop):
    for name, values in {"a": pa.nulls(2), "b": ["u", "v"], "c": [1, 2]}.items():
        workshop.table({"x": values, "target": [0, 1]}, f"parts/{name}.parquet")
    refused(workshop, "c.parquet", "'x'", "int64", "expected string as in parts/b.parquet", source="parts")


def test_folder_without_parts(workshop):
    (workshop.folder / "parts").mkdir()
    refused(workshop, "parts", "no .parquet file", source="parts")


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("weight", ["heavy" if i == 7 else str(i) for i in range(ROWS)], ["row 8", "'heavy'", "a number"]),
        ("age", [i + 0.5 if i == 9 else i for i in range(ROWS)], ["row 10", "9.5", "whole number"]),
        ("age", [1e20 if i == 9 else float(i) for i in range(ROWS)], ["row 10", "1e+20", "64 bits"]),
        ("age", [-(2.0**63) * 2 if i == 9 else None for i in range(ROWS)], ["row 10", "64 bits"]),
        ("city", ["Lisboa"] * ROWS, ["row 1", "'Lisboa'", "never seen", "unseen_categories"]),
        ("weight", [None if i == 3 else i / 2 for i in range(ROWS)], ["row 4", "is empty"]),
        (
            "target",
            ["maybe" if i == 5 else "no" for i in range(ROWS)],
            ["row 6", "'maybe'", "class never seen"],
        ),
        ("seen", ["soon" if i == 2 else "2026-01-01" for i in range(ROWS)], ["row 3", "'soon'", "a date"]),
        ("extra", list(range(ROWS)), ["'extra'", "new", 'data.ignore: ["extra"]']),
        ("age", None, ["'age'", "not there"]),
    ],
)
def test_committed_schema_is_obeyed(workshop, mixed, column, values, words):
    workshop.table(mixed)
    workshop.prepare()
    workshop.commit_schema()
    changed = mixed | {column: values}
    if values is None:
        del changed[column]
    workshop.table(changed)
    refused(workshop, "table.csv", f"'{column}'", *words)


def test_broken_schema_file(workshop, mixed):
    workshop.table(mixed)
    for text in ("{", '{"task": "clustering"}', "[]", '{"task": "regression", "target": {}}'):
        workshop.paths.committed_schema.write_text(text)
        refused(workshop, "schema.json")


def test_one_bad_cell_among_numbers(workshop):
    cells = ["?" if i == 40 else str(i % 9) for i in range(ROWS)]
    workshop.table({"z": cells, "x": list(range(ROWS)), "target": LABELS})
    refused(workshop, "table.csv: row 41", "'z'", "'?'", "59 of 60 rows hold numbers")


def test_one_bad_cell_among_dates(workshop):
    cells = ["soon" if i == 2 else f"2026-01-{i % 28 + 1:02d}" for i in range(ROWS)]
    workshop.table({"z": cells, "x": list(range(ROWS)), "target": LABELS})
    refused(workshop, "table.csv: row 3", "'z'", "'soon'", "dates")


def test_decimal_commas(workshop):
    rows = "".join(f'"{i},5",{i % 2}\n' for i in range(ROWS))
    workshop.csv("z,target\n" + rows)
    refused(workshop, "table.csv: row 1", "'z'", "'0,5'", "decimal comma")


@pytest.mark.parametrize("other", ["7", "7.5", "1.234,5"])
def test_decimal_commas_among_other_numbers(workshop, other):
    workshop.table({"z": [other, other, "0,5"] * 20, "x": list(range(ROWS)), "target": LABELS})
    refused(workshop, "'z'", "decimal comma", 'data.ignore: ["z"]')


def test_codes_with_commas_are_categories(workshop):
    workshop.table({"z": ["1", "1,2", "1,2,3"] * 20, "x": list(range(ROWS)), "target": LABELS})
    workshop.prepare()
    assert workshop.feature("z")["categories"] == ["1", "1,2", "1,2,3"]


@pytest.mark.parametrize("task", ["auto", "regression"])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["6", "7,5", "8"] * 20, ["row 2", "'7,5'", "decimal comma"]),
        (["4.5x" if i == 9 else str(i / 8) for i in range(ROWS)], ["row 10", "'4.5x'", "59 of 60 rows"]),
    ],
)
def test_slip_in_a_target_of_numbers(workshop, task, values, words):
    workshop.table({"x": list(range(ROWS)), "target": values})
    message = refused(workshop, "target column 'target'", *words, data__task=task)
    # Only where nobody has said that the target is a number may it be meant as a class.
    assert ("set data.task: classification" in message) == (task == "auto")


def test_classes_that_look_like_numbers_with_a_slip(workshop):
    workshop.table({"x": list(range(ROWS)), "target": ["1", "1,2", "2"] * 20})
    workshop.prepare(data__task="classification")
    assert workshop.schema()["labels"] == ["1", "1,2", "2"]
    workshop.commit_schema()
    workshop.prepare()
    assert workshop.schema()["labels"] == ["1", "1,2", "2"]


def test_regression_names_the_first_row_without_a_number(workshop):
    workshop.table({"x": list(range(ROWS)), "target": ["1", "2", "low"] * 20})
    refused(workshop, "row 3", "'low'", "needs numbers", data__task="regression")


def test_long_cells_are_cut(workshop):
    workshop.table({"z": [f"{i} " + "x" * 2000 for i in range(ROWS)], "target": LABELS})
    assert len(refused(workshop, "'z'")) < 500


def test_committed_schema_of_another_task(workshop, mixed):
    workshop.table(mixed)
    workshop.prepare()
    workshop.commit_schema()
    refused(workshop, "schema.json", "classification", "data.task is regression", data__task="regression")


def test_column_in_a_folder_name(workshop):
    workshop.table({"x": [1, 2], "target": [0, 1]}, "parts/year=2020/a.parquet")
    refused(workshop, "year=2020", "not read", source="parts")


def test_target_that_is_ignored(workshop):
    workshop.table({"x": list(range(ROWS)), "target": LABELS})
    refused(workshop, "data.ignore", "'target'", data__ignore=["target"])


def test_numbers_too_large_to_be_classes(workshop):
    workshop.table({"x": list(range(ROWS)), "target": [0.0, 1e30] * 30}, "t.parquet")
    refused(workshop, "t.parquet: row 2", "needs classes", source="t.parquet", data__task="classification")
    workshop.prepare("t.parquet")
    assert workshop.schema()["task"] == "regression"
