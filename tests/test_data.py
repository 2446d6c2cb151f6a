"""The table: what has to hold for the model to make sense. Edit it to what you know of your data."""

import pandas as pd
import pytest
from lastro.project import load_schema, read_rows

NOT_NEGATIVE = ["mean radius", "mean area", "worst area"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.concat([read_rows(part) for part in ("train", "validation", "test")])


def test_every_column_of_the_schema_is_there(rows):
    schema = load_schema()
    assert list(rows.columns) == [
        *(column["name"] for column in schema["features"]),
        schema["target"]["name"],
    ]


def test_values_lie_in_their_range(rows):
    for name in NOT_NEGATIVE:
        assert (rows[name] >= 0).all(), name


def test_no_row_is_in_two_parts():
    parts = [read_rows(part) for part in ("train", "validation", "test")]
    distinct = [part.drop_duplicates() for part in parts]
    assert len(pd.concat(distinct).drop_duplicates()) == sum(map(len, distinct))


def test_every_class_is_in_every_part():
    target, labels = load_schema()["target"]["name"], set(load_schema()["labels"])
    for part in ("train", "test"):
        assert set(read_rows(part)[target]) == labels, part
