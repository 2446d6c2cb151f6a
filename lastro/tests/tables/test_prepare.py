"""What prepare makes of good tables."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lastro.tables.examples import EXAMPLES
from tests import example


def digests(project) -> dict[str, str]:
    return {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in project.paths.prepared.iterdir()}


def test_every_kind_of_column_is_recognised(project, mixed):
    project.table(mixed)
    project.prepare()
    kinds = {column["name"]: column["kind"] for column in project.schema()["features"]}
    assert kinds == {
        "age": "integer",
        "weight": "float",
        "smoker": "boolean",
        "city": "category",
        "seen": "date",
    }
    assert project.feature("city") == {
        "name": "city",
        "kind": "category",
        "nullable": True,
        "categories": ["Aveiro", "Porto", "São Paulo"],
    }
    assert project.feature("seen")["minimum"] == "2026-01-01T00:00:00"
    assert (project.feature("age")["minimum"], project.feature("age")["maximum"]) == (1, 59)
    assert project.feature("weight")["nullable"] is False
    assert project.schema()["labels"] == ["no", "yes"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["b", "a"], ["a", "b"]),
        ([1, 0], [0, 1]),
        ([3, 7], [3, 7]),
        ([True, False], [False, True]),
    ],
)
def test_labels_keep_their_type(project, labels, expected):
    project.table({"x": list(range(40)), "target": labels * 20})
    project.prepare()
    assert project.schema()["labels"] == expected
    assert {type(label) for label in project.schema()["labels"]} == {type(expected[0])}
    assert set(project.part("train")["target"].to_pylist()) == set(expected)


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
def test_task_is_read_from_the_target(project, target, task, expected):
    project.table({"x": [i * 1.5 for i in range(60)], "target": target}, "table.parquet")
    project.prepare("table.parquet", data__task=task)
    assert project.schema()["task"] == expected


def test_parts_may_hold_their_texts_in_any_form(project, mixed):
    project.table(mixed, "table.parquet")
    project.prepare("table.parquet")
    expected = project.parts()
    table = pq.read_table(project.folder / "table.parquet")
    texts = table["city"].combine_chunks()
    codes = table["age"].combine_chunks()
    # What pandas writes of a category, of one that holds numbers, and of its newer strings.
    forms = [
        (texts, codes),
        (texts.dictionary_encode(), codes.dictionary_encode()),
        (texts.cast(pa.large_string()).dictionary_encode(), codes),
        (texts.cast(pa.string_view()), codes.cast(pa.float64())),
    ]
    (project.folder / "parts").mkdir()
    for number, (city, age) in enumerate(forms):
        part = table.set_column(table.column_names.index("city"), "city", city)
        part = part.set_column(table.column_names.index("age"), "age", age).slice(number * 15, 15)
        pq.write_table(part, project.folder / "parts" / f"{number}.parquet")
    project.prepare("parts")
    assert {name: part["city"] for name, part in project.parts().items()} == {
        name: part["city"] for name, part in expected.items()
    }


def test_csv_parquet_and_parts_prepare_alike(project, mixed):
    project.table(mixed)
    project.prepare()
    from_csv = project.parts()
    table = pa.table(mixed).set_column(4, "seen", pa.array(mixed["seen"]).cast(pa.date32()))
    pq.write_table(table, project.folder / "table.parquet")
    (project.folder / "parts" / "deeper").mkdir(parents=True)
    pq.write_table(table.slice(0, 25), project.folder / "parts" / "a.parquet")
    pq.write_table(table.slice(25), project.folder / "parts" / "deeper" / "b.parquet")
    for source in ("table.parquet", "parts"):
        project.prepare(source)
        assert all(table.equals(from_csv[name]) for name, table in project.parts().items()), source


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiter_is_read_from_the_header(project, delimiter):
    rows = [["a", "b", "target"], *([str(i), str(i / 2), "xy"[i % 2]] for i in range(40))]
    project.csv("\n".join(delimiter.join(row) for row in rows))
    project.prepare()
    assert [column["name"] for column in project.schema()["features"]] == ["a", "b"]


def test_byte_order_mark_is_no_part_of_the_first_name(project):
    project.csv("\ufeffa,target\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    project.prepare()
    assert project.schema()["features"][0]["name"] == "a"


def test_type_is_read_from_all_rows(project):
    # A decimal far below would turn the column only after a reader that looks at the first rows has decided.
    rows = [f"{i},{i % 2}" for i in range(200_000)]
    rows[-1] = "0.5,1"
    project.csv("x,target\n" + "\n".join(rows))
    project.prepare()
    assert project.feature("x")["kind"] == "float"


@pytest.mark.parametrize("name", EXAMPLES)
def test_bundled_sets_are_written_as_they_are(project, name):
    from sklearn import datasets

    project.prepare(example.table(name, project.folder))
    bunch = getattr(datasets, f"load_{name}")()
    names = [feature["name"] for feature in project.schema()["features"]]
    assert names == list(map(str, bunch.feature_names))
    rows = np.concatenate(
        [np.column_stack([part[name] for name in names]) for part in project.parts().values()]
    )
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, bunch.data.tolist()))


def test_same_input_gives_the_same_bytes(project, mixed):
    project.table(mixed)
    project.prepare()
    first = digests(project)
    project.prepare()
    assert digests(project) == first


def test_ignored_columns_are_left_out_and_may_hold_anything(project, mixed):
    table = pa.table(mixed).append_column("tags", pa.array([[i, i] for i in range(60)]))
    pq.write_table(table, project.folder / "table.parquet")
    project.prepare("table.parquet", data__ignore=["tags", "age"])
    assert [c["name"] for c in project.schema()["features"]] == ["weight", "smoker", "city", "seen"]
    assert "age" not in project.part("train").column_names


def test_slice_columns_are_carried_also_when_ignored(project, mixed):
    project.table(mixed)
    project.prepare(data__ignore=["city"], evaluation__slices=["city"])
    assert "city" in project.part("test").column_names
    assert "city" not in [c["name"] for c in project.schema()["features"]]


def test_unseen_categories_become_missing_where_params_say_so(project, mixed):
    project.table(mixed)
    project.prepare()
    project.commit_schema()
    project.table(mixed | {"city": ["Lisboa" if c == "Porto" else c for c in mixed["city"]]})
    project.prepare(data__unseen_categories="missing")
    seen = {city for table in project.parts().values() for city in table["city"].to_pylist()}
    assert seen == {None, "Aveiro", "São Paulo"}


def test_committed_schema_keeps_digits_text(project):
    codes = ["01310", "04538", "20040"]
    target = [i % 2 for i in range(60)]
    project.table({"zip": [f"x{codes[i % 3]}" for i in range(60)], "x": list(range(60)), "target": target})
    project.prepare()
    column = {"name": "zip", "kind": "category", "nullable": False, "categories": codes}
    project.commit_schema(features=[column, project.feature("x")])
    project.csv("zip,x,target\n" + "".join(f"{codes[i % 3]},{i},{i % 2}\n" for i in range(60)))
    project.prepare()
    assert set(project.part("train")["zip"].to_pylist()) == set(codes)


def test_committed_schema_accepts_its_own_table(project, mixed):
    project.table(mixed)
    project.prepare()
    inferred = digests(project)
    project.commit_schema()
    project.prepare()
    assert digests(project) == inferred


def test_row_numbers_of_pandas_are_no_feature(project):
    columns = {
        "x": list(range(60)),
        "target": [i % 2 for i in range(60)],
        "__index_level_0__": list(range(60)),
    }
    project.table(columns, "t.parquet")
    project.prepare("t.parquet")
    assert [c["name"] for c in project.schema()["features"]] == ["x"]


def test_delimiter_inside_quotes_does_not_count(project):
    project.csv('"a,b,c,d";x;target\n' + "".join(f"{i};{i / 2};{i % 2}\n" for i in range(60)))
    project.prepare()
    assert [c["name"] for c in project.schema()["features"]] == ["a,b,c,d", "x"]


def test_text_in_binary_columns_is_text(project):
    project.table({"b": [b"u", b"v"] * 30, "x": list(range(60)), "target": ["p", "q"] * 30}, "t.parquet")
    project.prepare("t.parquet")
    assert project.feature("b")["categories"] == ["u", "v"]
