"""What holds for every family: the protocol, the forms of its answers, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest

from lastro.core.params import Section
from lastro.families.catalog import FAMILIES, get
from lastro.families.protocol import Fitted, Rows


@pytest.mark.parametrize("name", FAMILIES)
def test_family_says_what_the_protocol_asks(name):
    family = get(name)
    assert family.name == name
    assert family.flavor in ("xgboost", "sklearn")
    assert family.tasks
    assert family.tasks <= {"classification", "regression"}
    assert isinstance(family.uses_validation, bool)
    assert issubclass(family.Hyperparameters, Section)
    assert all(field.description for field in family.Hyperparameters.model_fields.values())


def test_predictions_are_probabilities_or_values(case):
    X = case.validation.X
    predictions = case.predict(X)
    assert predictions.dtype == np.float64
    assert np.isfinite(predictions).all()
    if case.problem.task == "regression":
        assert predictions.shape == (len(X),)
    else:
        assert predictions.shape == (len(X), case.problem.n_classes)
        assert ((predictions >= 0) & (predictions <= 1)).all()
        np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=0, atol=1e-12)


def test_no_rows_give_no_predictions(case):
    empty = case.validation.X[:0]
    assert case.predict(empty).shape == (0, *case.predict(case.validation.X).shape[1:])


def test_a_loaded_model_gives_the_same_bits_and_the_same_file(case):
    data = case.family.to_bytes(case.model)
    loaded = case.family.from_bytes(data)
    assert (case.predict(case.validation.X, loaded) == case.predict(case.validation.X)).all()
    assert (
        case.family.importance(loaded, case.problem) == case.family.importance(case.model, case.problem)
    ).all()
    assert case.family.to_bytes(loaded) == data


@pytest.mark.parametrize("size", [1, 7])
def test_a_row_gets_the_same_bits_in_any_company(case, size):
    X = case.validation.X
    batches = [case.predict(X[start : start + size]) for start in range(0, len(X), size)]
    assert (np.concatenate(batches) == case.predict(X)).all()
    assert (case.predict(np.asfortranarray(X)) == case.predict(X)).all()


def test_it_learns_more_than_a_dummy_would(case):
    predictions, y = case.predict(case.validation.X), case.validation.y
    if case.problem.task == "regression":
        assert np.mean((predictions - y) ** 2) < 0.6 * np.var(y)
    else:
        dummy = np.bincount(y).max() / len(y)
        assert np.mean(predictions.argmax(axis=1) == y) > dummy + 0.1


def test_more_signal_raises_the_prediction(case):
    low, high = np.repeat(case.train.X[:1], 2, axis=0)
    low[0], high[0] = -2.0, 2.0
    below, above = case.predict(np.stack((low, high)))
    assert np.all(below < above) if below.ndim == 0 else below[-1] < above[-1]


def test_importance_is_a_share_and_finds_what_matters(case):
    shares = case.family.importance(case.model, case.problem)
    assert shares.shape == (len(case.problem.features),)
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 0
    assert shares[1] > shares[5]
    assert shares[3] == shares[4] == 0


def test_history_has_one_value_per_iteration(case):
    assert isinstance(case.fitted, Fitted)
    lengths = {len(values) for values in case.fitted.history.values()}
    assert len(lengths) == (1 if case.family.uses_validation else 0)
    if case.family.uses_validation:
        assert case.fitted.best_iteration in range(lengths.pop())
    else:
        assert case.fitted.best_iteration is None


def test_columns_that_say_nothing_change_nothing_much(case):
    X = case.validation.X.copy()
    X[:, 3] = np.where(np.isnan(X[:, 3]), 5.0, np.nan)
    assert (case.predict(X) == case.predict(case.validation.X)).all()


def test_everything_may_be_missing_at_prediction(case):
    assert np.isfinite(case.predict(np.full((2, len(case.problem.features)), np.nan))).all()


@pytest.mark.parametrize("kept", [(0, 2), (1, 5)], ids=["numeric only", "categorical only"])
@pytest.mark.parametrize("name", FAMILIES)
def test_one_kind_of_column_is_enough(name, kept, problem_rows, quick_fit):
    family = get(name)
    task = "regression" if "regression" in family.tasks else "classification"
    problem, train, validation = problem_rows(task, 2 if task == "classification" else 0)
    problem = type(problem)(
        task,
        tuple(problem.features[i] for i in kept),
        tuple(problem.categories[i] for i in kept),
        problem.n_classes,
    )
    train, validation = (Rows(rows.X[:, list(kept)], rows.y) for rows in (train, validation))
    model = quick_fit(family, problem, train, validation).model
    loaded = family.from_bytes(family.to_bytes(model))
    assert (
        family.predict(loaded, validation.X, problem) == family.predict(model, validation.X, problem)
    ).all()
    assert family.importance(model, problem).sum() == pytest.approx(1)


@pytest.mark.parametrize("absent", [0, 1, 2])
@pytest.mark.parametrize("name", [name for name in FAMILIES if "classification" in get(name).tasks])
def test_a_class_without_training_rows_gets_a_column(name, absent, problem_rows, quick_fit):
    problem, train, validation = problem_rows("classification", 3)
    kept = train.y != absent
    family = get(name)
    model = quick_fit(family, problem, Rows(train.X[kept], train.y[kept]), validation).model
    probabilities = family.predict(model, validation.X, problem)
    assert probabilities.shape == (len(validation.y), 3)
    assert probabilities[:, absent].max() < 0.2
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_category_seen_only_later_is_no_error(name, problem_rows, quick_fit):
    family = get(name)
    task = sorted(family.tasks)[-1]
    problem, train, validation = problem_rows(task, 2 if task == "classification" else 0)
    train.X[train.X[:, 1] == 2, 1] = np.nan
    train.X[:, 5] = np.nan
    model = quick_fit(family, problem, train, validation).model
    assert np.isfinite(family.predict(model, validation.X, problem)).all()
