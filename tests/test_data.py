"""The table: what has to hold of the rows that the model is made from."""

import pandas as pd
import pytest
from lastro.project import load_schema, read_rows


@pytest.fixture(scope="module")
def parts() -> dict[str, pd.DataFrame]:
    return {part: read_rows(part) for part in ("train", "validation", "test")}


def test_every_column_of_the_schema_is_there(parts):
    schema = load_schema()
    names = [*(column["name"] for column in schema["features"]), schema["target"]["name"]]
    for rows in parts.values():
        assert list(rows.columns) == names


def test_no_row_is_in_two_parts(parts):
    distinct = [rows.drop_duplicates() for rows in parts.values()]
    assert len(pd.concat(distinct).drop_duplicates()) == sum(map(len, distinct))


def test_every_class_is_in_every_part(parts):
    schema = load_schema()
    if schema["task"] == "regression":
        pytest.skip("a regression has no classes")
    for part in ("train", "test"):
        assert set(parts[part][schema["target"]["name"]]) == set(schema["labels"]), part
