"""What a column means when its cells do not say it plainly: read right, or refused with the row, the form and a fix."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.tables.test_refusals import LABELS, ROWS, refused


def column(project, cells: list, name: str = "z", **more) -> None:
    """A table with a column of these texts, repeated until there are ROWS, as they are written."""
    filled = [cells[i % len(cells)] for i in range(ROWS)]
    lines = [f'"{cell}",{i / 7},{LABELS[i]}' for i, cell in enumerate(filled)]
    project.csv("\n".join([f"{name},x,target", *lines]) + "\n")


def follow(message: str) -> dict:
    """The setting of data.columns that a message names, as --set takes it."""
    return {"data__columns": yaml.safe_load(re.search(r"data.columns: (\{.*?\}\})", message)[1])}


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("$3", "a currency"),
        ("3.50 €", "a currency"),
        ("R$ 1.234,50", "a currency"),
        ("USD 7", "a currency"),
        ("15%", "a percent sign"),
        ("7.5 %", "a percent sign"),
        ("(12)", "in brackets"),
        ("12-", "sign behind"),
        ("12.5 kg", "a unit"),
        ("20°C", "a unit"),
        ("1,010,000", "thousands separators"),
        ("1 010", "thousands separators"),
        ("1'010.5", "thousands separators"),
        ("1.010.000", "thousands separators"),
        ("7,5", "a decimal comma"),
    ],
)
@pytest.mark.parametrize("plain", [[], ["1", "2", "3"], ["1", "2", "3", "n/d"]])
def test_numbers_written_for_people(project, cell, form, plain):
    column(project, [*plain, cell])
    message = refused(project, f"row {len(plain) + 1}", "'z'", repr(cell), form, "plain numbers")
    assert "data.ignore" not in message
    project.prepare(**follow(message))
    assert cell in project.feature("z")["categories"]


@pytest.mark.parametrize("cells", [["$3", "-"], ["15%", "none"], ["7,5", "7,5", "?"]])
def test_numbers_written_for_people_beside_a_placeholder(project, cells):
    for order in (cells, cells[::-1]):
        column(project, order)
        refused(project, f"row {order.index(cells[0]) + 1}", "'z'", repr(cells[0]), "plain numbers")


def test_several_placeholders_among_numbers(project):
    column(project, [*(f"{i / 2}" for i in range(20)), "?", "unknown"])
    refused(project, "row 21", "'?'", "rows hold numbers")


@pytest.mark.parametrize("cells", [["1", "2", "3", "4+"], ["S", "M", "4XL"], ["1", "many"], ["7", "1st"]])
def test_texts_with_digits_are_categories(project, cells):
    column(project, cells)
    project.prepare()
    assert project.feature("z")["categories"] == sorted(cells)


@pytest.mark.parametrize("placeholder", ["?", "-", "none", "unknown"])
@pytest.mark.parametrize("share", [1, 5, 40])
@pytest.mark.parametrize("cells", [["1", "2", "3", "4.5"], ["2026-01-01", "2026-01-02", "2026-01-03"]])
def test_a_placeholder_is_named_at_any_share_and_its_fix_fixes(project, placeholder, share, cells):
    column(project, (cells * 20)[: ROWS - share] + [placeholder] * share)
    message = refused(project, f"row {ROWS - share + 1}", "'z'", repr(placeholder), "rows hold")
    project.prepare(**follow(message))
    found = project.feature("z")
    assert (found["nullable"], found["missing"]) == (True, [placeholder])
    assert found["kind"] == ("date" if "-" in cells[0] else "float")
    assert sum(part["z"].null_count for part in project.parts().values()) == share
    project.prepare(data__columns={"z": {"kind": "category"}})
    assert placeholder in project.feature("z")["categories"]
    # A pinned schema knows it too.
    project.prepare(**follow(message))
    project.commit_schema()
    project.prepare()
    assert sum(part["z"].null_count for part in project.parts().values()) == share


def test_what_params_say_of_a_column_is_obeyed(project):
    column(project, ["1", "2", "x"])
    refused(project, "row 3", "'x'", "expected a number", data__columns={"z": {"kind": "number"}})
    refused(project, "no column 'zz'", data__columns={"zz": {"kind": "number"}})
    project.table({"z": [0.5, 1.5] * 30, "target": LABELS}, "t.parquet")
    words = ["'z' is float", "says date"]
    refused(project, *words, source="t.parquet", data__columns={"z": {"kind": "date"}})
    project.table({"z": [7, 8] * 30, "x": list(range(ROWS)), "target": LABELS}, "t.parquet")
    project.prepare("t.parquet", data__columns={"z": {"kind": "category"}})
    assert project.feature("z")["categories"] == ["7", "8"]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("0000-00-00", ["no calendar has"]),
        ("2023-02-29", ["no calendar has"]),
        ("2023-01-05T25:00", ["rows hold dates"]),
        ("soon", ["rows hold dates"]),
        ("04/01/2023", ["another form"]),
        ("2023-1-5", ["another form"]),
        ("5 Jan 2023", ["another form"]),
    ],
)
@pytest.mark.parametrize("good", [2, 59])
def test_one_cell_that_is_no_date(project, cell, words, good):
    days = [f"2023-01-{i % 28 + 1:02d}" for i in range(good)]
    column(project, [*days, cell])
    for keys in ({}, {"data__split__time": "z"}, {"data__split__time": "z", "data__ignore": ["z"]}):
        refused(
            project,
            f"row {good + 1}",
            "'z'",
            repr(cell),
            *(words if "data__ignore" not in keys else []),
            **keys,
        )


def test_dates_far_off_and_of_other_zones_are_dates(project):
    cells = [
        "2023-01-08",
        "9999-12-31",
        "0001-01-01T00:00",
        "2023-01-08T00:30:00+02:00",
        "2023-01-08 10:00:00.123456789Z",
    ]
    column(project, cells)
    project.prepare()
    assert project.feature("z")["kind"] == "date"
    found = {cell for part in project.parts().values() for cell in part["z"].to_pylist()}
    assert found == {
        datetime.datetime(2023, 1, 8),
        datetime.datetime(9999, 12, 31),
        datetime.datetime(1, 1, 1),
        datetime.datetime(2023, 1, 7, 22, 30),
        datetime.datetime(2023, 1, 8, 10, 0, 0, 123456),
    }


def test_dates_beyond_what_the_app_knows(project):
    far = pa.array([i * 86_400_000 for i in range(59)] + [10**15], pa.timestamp("ms"))
    project.table({"z": far, "target": LABELS}, "t.parquet")
    refused(project, "t.parquet: row 60", "'z'", "beyond the years 1 to 9999", source="t.parquet")


@pytest.mark.parametrize("source", ["table.csv", "t.parquet"])
def test_numbers_beyond_what_the_app_takes(project, source):
    project.table({"z": [1e39 if i == 7 else i / 2 for i in range(ROWS)], "target": LABELS}, source)
    refused(project, f"{source}: row 8", "'z'", "1e+39", "out of range", source=source)


def test_codes_keep_their_leading_zeros(project):
    column(project, ["007", "07", "7"])
    project.prepare()
    assert project.feature("z")["categories"] == ["007", "07", "7"]
    column(project, ["0.5", "0", "10"])
    project.prepare()
    assert project.feature("z")["kind"] == "float"


def test_labels_keep_their_leading_zeros(project):
    project.csv("x,target\n" + "".join(f"{i / 7},{['007', '07', '7'][i % 3]}\n" for i in range(ROWS)))
    project.prepare()
    assert project.schema()["labels"] == ["007", "07", "7"]


SPELT_ALIKE = [
    "7",
    "07",
    "007",
    "+7",
    "7.0",
    "7.00",
    "70e-1",
    "100000000000000000001",
    "100000000000000000002",
]


@pytest.mark.parametrize(
    "cells", [SPELT_ALIKE, ["1.0", "1.00", "true", "True"], ["2026-01-01", "2026-01-01T00:00"]]
)
def test_keys_and_groups_are_compared_as_they_are_written(project, cells):
    keys = [*cells, *(f"{i}.5" for i in range(ROWS - len(cells)))]
    column(project, keys, "key")
    project.prepare(data__key="key", data__ignore=["key"])
    found = {key for part in project.parts().values() for key in map(str, part["__key__"].to_pylist())}
    assert found == set(keys)
    column(project, [*keys[:-1], cells[0]], "key")
    refused(project, f"row {ROWS}", f"repeats {cells[0]!r}", data__key="key")
    column(project, cells, "group")
    if len(cells) > 2:
        project.prepare(data__split__group="group", data__task="regression")


@pytest.mark.parametrize("base", [2**53, 2**63, 10**30])
@pytest.mark.parametrize("source", ["table.csv", "t.parquet"])
def test_long_whole_numbers_are_told_apart(project, base, source):
    ids = [base + i for i in range(ROWS)]
    if source == "table.csv":
        column(project, ids, "id")
    else:
        exact = (
            pa.array(list(map(Decimal, ids)), pa.decimal128(38, 0))
            if base > 2**63
            else pa.array(ids, pa.uint64())
        )
        project.table({"id": exact, "x": [i / 7 for i in range(ROWS)], "target": LABELS}, source)
    project.prepare(source, data__key="id")
    found = {int(key) for part in project.parts().values() for key in part["__key__"].to_pylist()}
    assert found == set(ids)


@pytest.mark.parametrize("task", ["auto", "classification", "regression"])
@pytest.mark.parametrize("source", ["table.csv", "t.parquet"])
def test_target_of_long_whole_numbers(project, task, source):
    labels = [2**53 + 1, 2**53 + 2, 2**62]
    project.table({"x": [i / 7 for i in range(ROWS)], "target": labels * 20}, source)
    project.prepare(source, data__task=task)
    assert project.schema()["labels"] == ([] if task == "regression" else labels)


def test_header_longer_than_a_reader_of_csv_takes(project):
    names = [f"column number {i:05d}" for i in range(14_000)]
    lines = [",".join([*names, "target"]), *(",".join(["0.5"] * 14_000 + [str(i % 2)]) for i in range(8))]
    project.csv("\n".join(lines))
    refused(project, "at least 3")


def test_header_with_a_line_break(project):
    project.csv('"size\n(cm)";a;target\n' + "".join(f"{i / 2};{i / 3};{i % 2}\n" for i in range(ROWS)))
    project.prepare()
    assert [c["name"] for c in project.schema()["features"]] == ["size\n(cm)", "a"]


@pytest.mark.parametrize(
    "text",
    [
        "a;b;target\n1;2\n",
        "a;b;tarjet\n1;2;3\n",
        "a;a;target\n1;2;3\n",
        "a;;target\n1;2;3\n",
        ";target\n1;2;3\n",
    ],
)
def test_the_delimiter_is_named_where_the_shape_is_wrong(project, text):
    project.csv(text)
    refused(project, "table.csv", "';'")


def test_hidden_and_temporary_files_are_no_parts(project):
    good = {"x": [i / 7 for i in range(ROWS)], "target": LABELS}
    project.table(good, "parts/a.parquet")
    hidden = (
        "_temporary/0/b.parquet",
        ".ipynb_checkpoints/a-checkpoint.parquet",
        "._a.parquet",
        "_delta_log/c.parquet",
    )
    for name in (*hidden, "deeper/.d.parquet"):
        project.table({"other": [1]}, f"parts/{name}")
    project.prepare("parts")
    assert sum(part.num_rows for part in project.parts().values()) == ROWS


@pytest.mark.parametrize("source", ["table.csv", "t.parquet"])
@pytest.mark.parametrize("name", ["Unnamed: 0", "index", "level_0", "row_number", "Unnamed: 0.1"])
@pytest.mark.parametrize("start", [0, 1])
def test_the_numbers_of_the_rows_are_no_feature(project, source, name, start):
    counted = [start + (i * 7) % ROWS for i in range(ROWS)]
    project.table({name: counted, "x": [i / 7 for i in range(ROWS)], "target": LABELS}, source)
    refused(project, source, repr(name), "counts the rows", f'data.ignore: ["{name}"]', source=source)
    project.prepare(source, data__ignore=[name])


def test_a_feature_that_may_only_count_the_rows_is_warned_of(project, capfd):
    project.table({"n": list(range(ROWS)), "x": [i % 7 for i in range(ROWS)], "target": LABELS})
    project.prepare()
    assert capfd.readouterr().err.count("warning: ") == 1
    project.prepare(data__split__time="n")
    assert "warning: " not in capfd.readouterr().err


def test_a_category_that_spells_a_missing_value_is_one_where_the_schema_has_it(project):
    column(project, ["red", "NA", ""])
    project.prepare()
    assert project.feature("z")["categories"] == ["red"]
    features = [
        c | {"categories": ["NA", "red"]} if c["name"] == "z" else c for c in project.schema()["features"]
    ]
    project.commit_schema(features=features)
    project.prepare()
    counts = [part["z"].to_pylist().count("NA") for part in project.parts().values()]
    assert (sum(counts), sum(part["z"].null_count for part in project.parts().values())) == (20, 20)
    # In typed data only null is missing.
    pq.write_table(pa.table({"z": ["red", "NA"] * 30, "target": LABELS}), project.folder / "t.parquet")
