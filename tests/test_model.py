"""The model's behaviour: what must not matter, what must matter one way, and what it must get right.

After Ribeiro et al., Beyond Accuracy: Behavioral Testing of NLP Models with CheckList, ACL 2020.
"""

import numpy as np
import pytest
from lastro.project import load_model, read_rows

# A larger value of the column makes this class more probable, on average over the held-out rows.
DIRECTIONS = {"worst area": "malignant", "worst concave points": "malignant", "worst texture": "malignant"}


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def rows():
    return read_rows("test")


def test_order_of_the_rows_does_not_matter(model, rows):
    shuffled = rows.sample(frac=1, random_state=1)
    again = model.predict(shuffled).set_index(shuffled.index).loc[rows.index]
    assert (again.to_numpy() == model.predict(rows).to_numpy()).all()


def test_a_row_alone_is_scored_as_among_others(model, rows):
    among = model.predict(rows.head(5))
    for position in range(5):
        alone = model.predict(rows.iloc[[position]])
        assert (alone.to_numpy() == among.iloc[[position]].to_numpy()).all()


def test_other_columns_do_not_matter(model, rows):
    other = model.predict(rows.assign(unrelated="x"))
    assert other.equals(model.predict(rows))


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
