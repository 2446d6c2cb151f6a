"""The file of predictions: what it holds, that it comes back, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from lastro.core.errors import LastroError
from lastro.evaluation.predictions import Predictions, aligned

LABELS = [("no", "yes"), (False, True), (-3, 7), ("ação", "b c", "z")]


def labelled(labels: tuple, n: int = 50) -> Predictions:
    random = np.random.default_rng(3)
    scores = random.dirichlet(np.ones(len(labels)), n)
    truth = random.integers(0, len(labels), n)
    keys = np.array([f"row {i}" for i in random.permutation(n)])
    return Predictions("classification", labels, keys, truth, scores, {"a b": np.where(truth == 0, "é", "")})


def assert_same(a: Predictions, b: Predictions) -> None:
    assert (a.task, a.labels, list(a.slices)) == (b.task, b.labels, list(b.slices))
    assert [type(label) for label in a.labels] == [type(label) for label in b.labels]
    for name in ("keys", "truth", "scores"):
        assert getattr(a, name).dtype.kind == getattr(b, name).dtype.kind
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in a.slices:
        np.testing.assert_array_equal(a.slices[name], b.slices[name])


@pytest.mark.parametrize("labels", LABELS)
def test_classes_come_back(tmp_path, labels):
    predictions = labelled(labels)
    predictions.write(tmp_path / "p.parquet")
    assert_same(Predictions.read(tmp_path / "p.parquet"), predictions)


@pytest.mark.parametrize("keys", [np.uint64, np.int64, str])
def test_values_and_keys_come_back(tmp_path, model, keys):
    predictions = model(40, 0)
    predictions = replace(predictions, keys=(predictions.keys + np.uint64(2**60)).astype(keys))
    predictions.write(tmp_path / "p.parquet")
    assert_same(Predictions.read(tmp_path / "p.parquet"), predictions)


def test_scores_that_are_not_finite_come_back(tmp_path, model):
    scores = model(40, 0).scores.copy()
    scores[:2] = np.nan, np.inf
    replace(model(40, 0), scores=scores).write(tmp_path / "p.parquet")
    read = Predictions.read(tmp_path / "p.parquet")
    assert read.bad_rows == 2
    np.testing.assert_array_equal(read.scores, scores)


def test_no_rows_come_back(tmp_path, model):
    for k in (0, 2):
        predictions = model(20, k).take(np.zeros(20, dtype=bool))
        predictions.write(tmp_path / "p.parquet")
        assert_same(Predictions.read(tmp_path / "p.parquet"), predictions)


def test_equal_content_gives_equal_bytes(tmp_path):
    for name in "ab":
        labelled(("no", "yes")).write(tmp_path / name)
    Predictions.read(tmp_path / "a").write(tmp_path / "c")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


def test_columns_are_readable_by_anyone(tmp_path):
    predictions = labelled(("no", "yes"))
    predictions.write(tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet").to_pydict()
    assert list(table) == ["__key__", "truth", "prediction", "probability_no", "probability_yes", "slice_a b"]
    assert table["prediction"] == ["yes" if p > 0.5 else "no" for p in table["probability_yes"]]
    assert set(table["truth"]) == {"no", "yes"}


def test_what_is_no_file_of_predictions_is_refused_in_one_line(tmp_path, model):
    text, other, damaged = tmp_path / "text", tmp_path / "other", tmp_path / "damaged"
    text.write_text("key,truth\n")
    model(20).write(other)
    table = pq.read_table(other)
    pq.write_table(table.replace_schema_metadata({}), other)
    pq.write_table(table.drop_columns(["probability_1"]), damaged)
    for path in (tmp_path / "absent", text, other, damaged):
        with pytest.raises(LastroError, match=r"no readable file of predictions .*; repeat") as error:
            Predictions.read(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "ranking"}, "task 'ranking'"),
        ({"scores": np.zeros((3, 3))}, "scores have shape"),
        ({"keys": np.arange(2)}, "keys has shape"),
        ({"slices": {"sex": np.array(["m"])}}, "sex has shape"),
        ({"labels": ("b", "a")}, "not sorted"),
        ({"labels": ("a", 1)}, "one type"),
        ({"truth": np.array([0, 1, 2])}, "without a label"),
        ({"truth": np.array([0.0, 1.0, 1.0])}, "expected class indices"),
        ({"scores": np.array([[0.5, 0.5], [1.5, -0.5], [0, 1]])}, "outside 0 .. 1"),
        ({"task": "regression", "scores": np.zeros(3)}, "labels are given"),
        (
            {"task": "regression", "labels": (), "scores": np.zeros(3), "truth": np.array([0, np.nan, 1])},
            "finite",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(change, message):
    valid = {
        "task": "classification",
        "labels": ("a", "b"),
        "keys": np.arange(3),
        "truth": np.array([0, 1, 1]),
        "scores": np.full((3, 2), 0.5),
    }
    Predictions(**valid)
    with pytest.raises(LastroError, match=message):
        Predictions(**valid | change)


def rows(keys, truth, scores) -> Predictions:
    return Predictions("regression", (), np.array(keys), np.array(truth, float), np.array(scores, float))


def test_alignment_keeps_the_common_rows_in_one_order():
    common = aligned(
        rows([5, 1, 3], [50, 10, 30], [5, 1, 3]), rows([3, 9, 8, 5], [30, 90, 80, 50], [33, 99, 88, 55])
    )
    assert common.candidate.keys.tolist() == common.champion.keys.tolist() == [3, 5]
    assert (common.candidate.scores.tolist(), common.champion.scores.tolist()) == ([3, 5], [33, 55])
    assert (common.candidate_left_out, common.champion_left_out) == (1, 2)


def test_rows_with_one_key_are_matched_by_truth_and_number():
    common = aligned(rows([7, 7, 7, 2], [1, 0, 0, 5], [4, 3, 2, 1]), rows([7, 2, 7], [0, 5, 1], [30, 10, 40]))
    assert common.candidate.scores.tolist() == [1, 2, 4]
    assert common.champion.scores.tolist() == [10, 30, 40]
    assert (common.candidate_left_out, common.champion_left_out) == (1, 0)


def test_nothing_in_common_is_no_error():
    common = aligned(rows([1], [1], [1]), rows([2], [2], [2]))
    assert (len(common.candidate), common.candidate_left_out, common.champion_left_out) == (0, 1, 1)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (rows([1, 2], [1, 3], [0, 0]), "truth of row 2 is 2.0 here and 3.0 in the champion's"),
        (rows(["1", "2"], [1, 2], [0, 0]), "keys are int64 here"),
        (
            Predictions("classification", (0, 1), [1, 2], [0, 1], np.full((2, 2), 0.5)),
            "task is 'regression' here",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(other, message):
    with pytest.raises(LastroError, match=message):
        aligned(rows([1, 2], [1, 2], [0, 0]), other)
