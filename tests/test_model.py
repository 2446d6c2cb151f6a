"""The model's behaviour on any table: what must not matter to a prediction.

After Ribeiro et al., Beyond Accuracy: Behavioral Testing of NLP Models with CheckList, ACL 2020.
"""

import pytest
from lastro.project import load_model, read_rows


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
