"""What is known of this table: ranges, directions, clear cases. Edit it to what you know of yours."""

import numpy as np
import pandas as pd
import pytest
from lastro.project import load_model, read_rows

NOT_NEGATIVE = ["mean radius", "mean area", "worst area"]
# A larger value of the column makes this class more probable, on average over the held-out rows.
DIRECTIONS = {"worst area": "malignant", "worst concave points": "malignant", "worst texture": "malignant"}


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def rows():
    return read_rows("test")


@pytest.mark.parametrize("column", NOT_NEGATIVE)
def test_values_lie_in_their_range(column):
    rows = pd.concat([read_rows(part) for part in ("train", "validation", "test")])
    assert (rows[column] >= 0).all()


@pytest.mark.parametrize("column", DIRECTIONS)
def test_larger_value_moves_the_prediction_the_known_way(model, rows, column):
    probability = f"probability_{DIRECTIONS[column]}"
    low, high = rows[column].quantile([0.05, 0.95])
    before = model.predict(rows.assign(**{column: low}))[probability]
    after = model.predict(rows.assign(**{column: high}))[probability]
    assert np.mean(after - before) > 0


def test_clear_cases_are_right(model, rows):
    clear = [rows.nlargest(3, "worst area"), rows.nsmallest(3, "worst area")]
    for cases, label in zip(clear, ("malignant", "benign"), strict=True):
        assert (model.predict(cases)["prediction"] == label).all(), label
