"""What prepare refuses: one line that names file, column, first offending row, and what was expected."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest

from lastro.core.errors import LastroError
from lastro.tables.sources import read_source

ROWS = 60
LABELS = [i % 2 for i in range(ROWS)]


def refused(project, *words: str, source: str = "table.csv", **overrides) -> str:
    """prepare fails with one line that holds all the words, and leaves what was there."""
    before = {p: p.read_bytes() for p in project.paths.prepared.glob("*")}
    with pytest.raises(LastroError) as caught:
        project.prepare(source, **overrides)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    assert {p: p.read_bytes() for p in project.paths.prepared.glob("*")} == before
    return message


def test_missing_target_suggests_the_nearest(project):
    project.table({"x": list(range(ROWS)), "targte": LABELS})
    refused(project, "table.csv", "data.target", "'target'", "did you mean targte")


def test_target_with_nulls(project):
    project.table({"x": list(range(ROWS)), "target": [*LABELS[:16], None, *LABELS[17:]]})
    refused(project, "table.csv: row 17", "'target'", "expected a value in every row")


def test_single_class(project):
    project.table({"x": list(range(ROWS)), "target": ["a"] * ROWS})
    refused(project, "table.csv: row 1", "'target'", "'a'", "at least two classes")


def test_duplicate_names_in_csv(project):
    project.csv("x,y,x,target\n1,2,3,0\n")
    refused(project, "table.csv", "'x'", "twice")


def test_empty_file(project):
    project.csv("")
    refused(project, "table.csv", "empty", "expected a header")


def test_header_without_rows(project):
    project.csv("x,target\n")
    refused(project, "table.csv", "no rows")


def test_ragged_row(project):
    project.csv("x,target\n1,0\n2\n3,1\n")
    refused(project, "table.csv", "Row #3", "Expected 2 columns, got 1")


def test_not_utf8(project):
    (project.folder / "table.csv").write_bytes(b"x,target\n" + b"a,0\n" * 3 + b"\xe9,1\n")
    refused(project, "table.csv: row 4", "'x'", "UTF-8")


def test_header_that_is_not_utf8(project):
    (project.folder / "table.csv").write_bytes("größe,target\n".encode("latin-1") + b"1,0\n" * 3)
    refused(project, "table.csv", "header", "UTF-8")


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
    # Not empty: the size can be asked for by whoever may not read.
    path.mkdir() if name == "parts" else path.write_text("x,target\n1,0\n")
    path.chmod(0)
    request.getfixturevalue("nobody")
    with pytest.raises(
        LastroError, match=rf"{name}: may not be read \(Permission denied: .*{name}.*\); .*chmod"
    ):
        read_source(name, tmp_path)


def test_not_parquet(project):
    project.csv("x,target\n1,0\n", "table.parquet")
    refused(project, "table.parquet", "not a Parquet file", source="table.parquet")


def test_missing_source(project):
    refused(project, "nowhere.csv", "no such file", source="nowhere.csv")


def test_infinity(project):
    project.csv("x,target\n" + "".join(f"{'inf' if i == 4 else i},{i % 2}\n" for i in range(ROWS)))
    refused(project, "table.csv: row 5", "'x'", "infinite")


def test_identifier_names_the_line_that_leaves_it_out(project):
    project.table({"name": [f"n{i}" for i in range(ROWS)], "x": list(range(ROWS)), "target": LABELS})
    message = refused(project, "table.csv: row 31", "'name'", "'n30'", 'data.ignore: ["name"]')
    assert "60 distinct in 60 rows" in message
    project.prepare(data__ignore=["name"])


def test_more_categories_than_params_allow(project):
    project.table({"c": [f"c{i % 25}" for i in range(600)], "target": [i % 2 for i in range(600)]})
    project.prepare()
    refused(project, "'c'", "at most 22", data__max_categories=22)


def test_unsupported_type(project):
    project.table({"l": [[1]] * ROWS, "target": LABELS}, "table.parquet")
    refused(project, "table.parquet", "'l'", "list", 'data.ignore: ["l"]', source="table.parquet")


def test_too_few_rows_of_a_class(project):
    project.table({"x": list(range(42)), "target": ["a"] * 20 + ["rare"] * 2 + ["b"] * 20})
    refused(project, "table.csv: row 21", "'rare'", "at least 3")


def test_copies_of_one_row_are_not_many_rows(project):
    project.table({"x": [1] * 20 + list(range(20)), "target": ["a"] * 20 + ["b"] * 20})
    refused(project, "'a'", "at least 3")


def test_repeated_key(project):
    project.table({"id": [*range(30), *range(30)], "x": list(range(ROWS)), "target": LABELS})
    refused(project, "table.csv: row 31", "'id'", "repeats 0", data__key="id")


def test_group_with_nulls(project):
    project.table({"g": [None, *range(ROWS - 1)], "x": list(range(ROWS)), "target": LABELS})
    refused(project, "table.csv: row 1", "group column 'g'", data__split__group="g")


def test_time_column_that_is_text(project):
    project.table({"t": ["a", "b"] * 30, "x": list(range(ROWS)), "target": LABELS})
    refused(project, "'t'", "expected dates", data__split__time="t")


def test_class_that_only_the_future_has(project):
    target = ["a", "b"] * 28 + ["new"] * 4
    project.table({"t": list(range(ROWS)), "target": target})
    refused(project, "table.csv: row 57", "'new'", "train part", data__split__time="t")


def test_regression_on_text(project):
    project.table({"x": list(range(ROWS)), "target": ["a", "b"] * 30})
    refused(project, "'target'", "'a'", "needs numbers", data__task="regression")


def test_classification_of_decimals(project):
    project.table({"x": list(range(ROWS)), "target": [0.0, 0.5] * 30})
    refused(project, "table.csv: row 2", "0.5", "needs classes", data__task="classification")


def test_no_feature_left(project):
    project.table({"x": list(range(ROWS)), "target": LABELS})
    refused(project, "no feature", data__ignore=["x"])


@pytest.mark.parametrize("key", ["data__key", "data__split__group", "data__split__time"])
def test_named_column_must_exist(project, key):
    project.table({"x": list(range(ROWS)), "target": LABELS})
    refused(project, key.replace("__", "."), "'gone'", **{key: "gone"})


def test_parts_that_disagree(project):
    project.table({"x": [1, 2], "target": [0, 1]}, "parts/a.parquet")
    project.table({"x": ["u", "v"], "target": [0, 1]}, "parts/b.parquet")
    refused(project, "b.parquet", "'x'", "expected int64", source="parts")
    project.table({"y": [1, 2], "target": [0, 1]}, "parts/b.parquet")
    refused(project, "'x'", "only one", source="parts")


def test_categories_of_parts_that_disagree(project):
    for name, values in {"a": ["u", "v"], "b": [1, 2]}.items():
        column = pa.array(values).dictionary_encode()
        project.table({"x": column, "target": [0, 1]}, f"parts/{name}.parquet")
    refused(project, "b.parquet", "'x'", "int64", "expected string", source="parts")


def test_parts_that_disagree_after_one_without_values(project):
    for name, values in {"a": pa.nulls(2), "b": ["u", "v"], "c": [1, 2]}.items():
        project.table({"x": values, "target": [0, 1]}, f"parts/{name}.parquet")
    refused(project, "c.parquet", "'x'", "int64", "expected string as in parts/b.parquet", source="parts")


def test_folder_without_parts(project):
    (project.folder / "parts").mkdir()
    refused(project, "parts", "no .parquet file", source="parts")


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
def test_committed_schema_is_obeyed(project, mixed, column, values, words):
    project.table(mixed)
    project.prepare()
    project.commit_schema()
    changed = mixed | {column: values}
    if values is None:
        del changed[column]
    project.table(changed)
    refused(project, "table.csv", f"'{column}'", *words)


def test_broken_schema_file(project, mixed):
    project.table(mixed)
    for text in ("{", '{"task": "clustering"}', "[]", '{"task": "regression", "target": {}}'):
        project.paths.committed_schema.write_text(text)
        refused(project, "schema.json")


def test_one_bad_cell_among_numbers(project):
    cells = ["?" if i == 40 else str(i % 9) for i in range(ROWS)]
    project.table({"z": cells, "x": list(range(ROWS)), "target": LABELS})
    refused(project, "table.csv: row 41", "'z'", "'?'", "59 of 60 rows hold numbers")


def test_one_bad_cell_among_dates(project):
    cells = ["soon" if i == 2 else f"2026-01-{i % 28 + 1:02d}" for i in range(ROWS)]
    project.table({"z": cells, "x": list(range(ROWS)), "target": LABELS})
    refused(project, "table.csv: row 3", "'z'", "'soon'", "dates")


def test_decimal_commas(project):
    rows = "".join(f'"{i},5",{i % 2}\n' for i in range(ROWS))
    project.csv("z,target\n" + rows)
    refused(project, "table.csv: row 1", "'z'", "'0,5'", "decimal comma")


@pytest.mark.parametrize("other", ["7", "7.5", "1.234,5"])
def test_decimal_commas_among_other_numbers(project, other):
    project.table({"z": [other, other, "0,5"] * 20, "x": list(range(ROWS)), "target": LABELS})
    refused(project, "'z'", "decimal comma", 'data.columns: {"z": {"kind": "category"}}')


def test_codes_with_commas_are_categories(project):
    project.table({"z": ["1", "1,2", "1,2,3"] * 20, "x": list(range(ROWS)), "target": LABELS})
    project.prepare()
    assert project.feature("z")["categories"] == ["1", "1,2", "1,2,3"]


@pytest.mark.parametrize("task", ["auto", "regression"])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["6", "7,5", "8"] * 20, ["row 2", "'7,5'", "decimal comma"]),
        (["4.5x" if i == 9 else str(i / 8) for i in range(ROWS)], ["row 10", "'4.5x'", "59 of 60 rows"]),
    ],
)
def test_slip_in_a_target_of_numbers(project, task, values, words):
    project.table({"x": list(range(ROWS)), "target": values})
    message = refused(project, "target column 'target'", *words, data__task=task)
    # Only where nobody has said that the target is a number may it be meant as a class.
    assert ("set data.task: classification" in message) == (task == "auto")


def test_classes_that_look_like_numbers_with_a_slip(project):
    project.table({"x": list(range(ROWS)), "target": ["1", "1,2", "2"] * 20})
    project.prepare(data__task="classification")
    assert project.schema()["labels"] == ["1", "1,2", "2"]
    project.commit_schema()
    project.prepare()
    assert project.schema()["labels"] == ["1", "1,2", "2"]


def test_regression_names_the_first_row_without_a_number(project):
    project.table({"x": list(range(ROWS)), "target": ["1", "2", "low"] * 20})
    refused(project, "row 3", "'low'", "needs numbers", data__task="regression")


def test_long_cells_are_cut(project):
    project.table({"z": [f"{i} " + "x" * 2000 for i in range(ROWS)], "target": LABELS})
    assert len(refused(project, "'z'")) < 500


def test_committed_schema_of_another_task(project, mixed):
    project.table(mixed)
    project.prepare()
    project.commit_schema()
    refused(project, "schema.json", "classification", "data.task is regression", data__task="regression")


def test_column_in_a_folder_name(project):
    project.table({"x": [1, 2], "target": [0, 1]}, "parts/year=2020/a.parquet")
    refused(project, "year=2020", "not read", source="parts")


def test_target_that_is_ignored(project):
    project.table({"x": list(range(ROWS)), "target": LABELS})
    refused(project, "data.ignore", "'target'", data__ignore=["target"])


def test_numbers_too_large_to_be_classes(project):
    project.table({"x": list(range(ROWS)), "target": [0.0, 1e30] * 30}, "t.parquet")
    refused(project, "t.parquet: row 2", "needs classes", source="t.parquet", data__task="classification")
    project.prepare("t.parquet")
    assert project.schema()["task"] == "regression"
