"""What prepare makes of good tables."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lastro.tables.examples import EXAMPLES
from tests import example


def digests(workshop) -> dict[str, str]:
    return {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in workshop.paths.prepared.iterdir()}


def test_every_kind_of_column_is_recognised(workshop, mixed):
    workshop.table(mixed)
    workshop.prepare()
    kinds = {column["name"]: column["kind"] for column in workshop.schema()["features"]}
    assert kinds == {
        "age": "integer",
        "weight": "float",
        "smoker": "boolean",
        "city": "category",
        "seen": "date",
    }
    assert workshop.feature("city") == {
        "name": "city",
        "kind": "category",
        "nullable": True,
        "categories": ["Aveiro", "Porto", "São Paulo"],
    }
    assert workshop.feature("seen")["minimum"] == "2026-01-01T00:00:00"
    assert (workshop.feature("age")["minimum"], workshop.feature("age")["maximum"]) == (1, 59)
    assert workshop.feature("weight")["nullable"] is False
    assert workshop.schema()["labels"] == ["no", "yes"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["b", "a"], ["a", "b"]),
        ([1, 0], [0, 1]),
        ([3, 7], [3, 7]),
        ([True, False], [False, True]),
    ],
)
def test_labels_keep_their_type(workshop, labels, expected):
    workshop.table({"x": list(range(40)), "target": labels * 20})
    workshop.prepare()
    assert workshop.schema()["labels"] == expected
    assert {type(label) for label in workshop.schema()["labels"]} == {type(expected[0])}
    assert set(workshop.part("train")["target"].to_pylist()) == set(expected)


@pytest.mark.parametrize(
    ("target", "task", "expected"),
    [
        ([i % 20 for i in range(60)], "auto", "classification"),
        ([i % 30 for i in range(60)], "auto", "regression"),
        ([i % 2 for i in range(60)], "regression", "regression"),
        ([i / 7 for i in range(60)], "auto", "regression"),
        ([float(i % 2) for i in range(60)], "auto", "classification"),
    ],
)
def test_task_is_read_from_the_target(workshop, target, task, expected):
    workshop.table({"x": [i * 1.5 for i in range(60)], "target": target}, "table.parquet")
    workshop.prepare("table.parquet", data__task=task)
    assert workshop.schema()["task"] == expected


def test_parts_may_hold_their_texts_in_any_form(workshop, mixed):
    workshop.table(mixed, "table.parquet")
    workshop.prepare("table.parquet")
    expected = workshop.parts()
    table = pq.read_table(workshop.folder / "table.parquet")
    texts = table["city"].combine_chunks()
    codes = table["age"].combine_chunks()
    # What pandas writes of a category, of one that holds numbers, and of its newer strings.
    forms = [
        (texts, codes),
        (texts.dictionary_encode(), codes.dictionary_encode()),
        (texts.cast(pa.large_string()).dictionary_encode(), codes),
        (texts.cast(pa.string_view()), codes.cast(pa.float64())),
    ]
    (workshop.folder / "parts").mkdir()
    for number, (city, age) in enumerate(forms):
        part = table.set_column(table.column_names.index("city"), "city", city)
        part = part.set_column(table.column_names.index("age"), "age", age).slice(number * 15, 15)
        pq.write_table(part, workshop.folder / "parts" / f"{number}.parquet")
    workshop.prepare("parts")
    assert {name: part["city"] for name, part in workshop.parts().items()} == {
        name: part["city"] for name, part in expected.items()
    }


def test_csv_parquet_and_parts_prepare_alike(workshop, mixed):
    workshop.table(mixed)
    workshop.prepare()
    from_csv = workshop.parts()
    table = pa.table(mixed).set_column(4, "seen", pa.array(mixed["seen"]).cast(pa.date32()))
    pq.write_table(table, workshop.folder / "table.parquet")
    (workshop.folder / "parts" / "deeper").mkdir(parents=True)
    pq.write_table(table.slice(0, 25), workshop.folder / "parts" / "a.parquet")
    pq.write_table(table.slice(25), workshop.folder / "parts" / "deeper" / "b.parquet")
    for source in ("table.parquet", "parts"):
        workshop.prepare(source)
        assert all(table.equals(from_csv[name]) for name, table in workshop.parts().items()), source


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiter_is_read_from_the_header(workshop, delimiter):
    rows = [["a", "b", "target"], *([str(i), str(i / 2), "xy"[i % 2]] for i in range(40))]
    workshop.csv("\n".join(delimiter.join(row) for row in rows))
    workshop.prepare()
    assert [column["name"] for column in workshop.schema()["features"]] == ["a", "b"]


def test_byte_order_mark_is_no_part_of_the_first_name(workshop):
    workshop.csv("\ufeffa,target\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    workshop.prepare()
    assert workshop.schema()["features"][0]["name"] == "a"


def test_type_is_read_from_all_rows(workshop):
    # A decimal far below would turn the column only after a reader that looks at the first rows has decided.
    rows = [f"{i},{i % 2}" for i in range(200_000)]
    rows[-1] = "0.5,1"
    workshop.csv("x,target\n" + "\n".join(rows))
    workshop.prepare()
    assert workshop.feature("x")["kind"] == "float"


@pytest.mark.parametrize("name", EXAMPLES)
def test_bundled_sets_are_written_as_they_are(workshop, name):
    from sklearn import datasets

    workshop.prepare(example.table(name, workshop.folder))
    bunch = getattr(datasets, f"load_{name}")()
    names = [feature["name"] for feature in workshop.schema()["features"]]
    assert names == list(map(str, bunch.feature_names))
    rows = np.concatenate(
        [np.column_stack([part[name] for name in names]) for part in workshop.parts().values()]
    )
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, bunch.data.tolist()))


def test_same_input_gives_the_same_bytes(workshop, mixed):
    workshop.table(mixed)
    workshop.prepare()
    first = digests(workshop)
    workshop.prepare()
    assert digests(workshop) == first


def test_ignored_columns_are_left_out_and_may_hold_anything(workshop, mixed):
    table = pa.table(mixed).append_column("tags", pa.array([[i, i] for i in range(60)]))
    pq.write_table(table, workshop.folder / "table.parquet")
    workshop.prepare("table.parquet", data__ignore=["tags", "age"])
    assert [c["name"] for c in workshop.schema()["features"]] == ["weight", "smoker", "city", "seen"]
    assert "age" not in workshop.part("train").column_names


def test_slice_columns_are_carried_also_when_ignored(workshop, mixed):
    workshop.table(mixed)
    workshop.prepare(data__ignore=["city"], evaluation__slices=["city"])
    assert "city" in workshop.part("test").column_names
    assert "city" not in [c["name"] for c in workshop.schema()["features"]]


def test_unseen_categories_become_missing_where_params_say_so(workshop, mixed):
    workshop.table(mixed)
    workshop.prepare()
    workshop.commit_schema()
    workshop.table(mixed | {"city": ["Lisboa" if c == "Porto" else c for c in mixed["city"]]})
    workshop.prepare(data__unseen_categories="missing")
    seen = {city for table in workshop.parts().values() for city in table["city"].to_pylist()}
    assert seen == {None, "Aveiro", "São Paulo"}


def test_committed_schema_keeps_digits_text(workshop):
    codes = ["01310", "04538", "20040"]
    target = [i % 2 for i in range(60)]
    workshop.table({"zip": [f"x{codes[i % 3]}" for i in range(60)], "x": list(range(60)), "target": target})
    workshop.prepare()
    column = {"name": "zip", "kind": "category", "nullable": False, "categories": codes}
    workshop.commit_schema(features=[column, workshop.feature("x")])
    workshop.csv("zip,x,target\n" + "".join(f"{codes[i % 3]},{i},{i % 2}\n" for i in range(60)))
    workshop.prepare()
    assert set(workshop.part("train")["zip"].to_pylist()) == set(codes)


def test_committed_schema_accepts_its_own_table(workshop, mixed):
    workshop.table(mixed)
    workshop.prepare()
    inferred = digests(workshop)
    workshop.commit_schema()
    workshop.prepare()
    assert digests(workshop) == inferred


def test_row_numbers_of_pandas_are_no_feature(workshop):
    columns = {
        "x": list(range(60)),
        "target": [i % 2 for i in range(60)],
        "__index_level_0__": list(range(60)),
    }
    workshop.table(columns, "t.parquet")
    workshop.prepare("t.parquet")
    assert [c["name"] for c in workshop.schema()["features"]] == ["x"]


def test_delimiter_inside_quotes_does_not_count(workshop):
    workshop.csv('"a,b,c,d";x;target\n' + "".join(f"{i};{i / 2};{i % 2}\n" for i in range(60)))
    workshop.prepare()
    assert [c["name"] for c in workshop.schema()["features"]] == ["a,b,c,d", "x"]


def test_text_in_binary_columns_is_text(workshop):
    workshop.table({"b": [b"u", b"v"] * 30, "x": list(range(60)), "target": ["p", "q"] * 30}, "t.parquet")
    workshop.prepare("t.parquet")
    assert workshop.feature("b")["categories"] == ["u", "v"]
