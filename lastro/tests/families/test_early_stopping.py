"""Boosting stops on the validation rows, never on rows that the library picks, and says how it goes."""

from __future__ import annotations

import numpy as np
import pytest

from lastro.families.catalog import get
from lastro.families.protocol import Problem, Rows

ROUNDS = {"xgboost": "n_estimators", "hist_gradient_boosting": "max_iter"}


@pytest.fixture(params=ROUNDS)
def family(request):
    return get(request.param)


@pytest.fixture
def noise():
    """A target that no feature explains: every tree makes the validation worse."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(300, 3)), rng.integers(0, 2, 300)
    problem = Problem("classification", ("a", "b", "c"), (0, 0, 0), 2)
    return problem, Rows(X[:200], y[:200]), Rows(X[200:], y[200:])


def test_noise_stops_it_early(family, noise, quick_fit):
    patience = {"early_stopping_rounds": 4} if family.name == "xgboost" else {"n_iter_no_change": 4}
    fitted = quick_fit(family, *noise, **{ROUNDS[family.name]: 200}, **patience)
    losses = fitted.history["validation-logloss"]
    assert len(losses) < 50
    assert fitted.best_iteration == int(np.argmin(losses))


def test_the_booster_is_cut_to_its_best_round(noise, quick_fit):
    fitted = quick_fit(get("xgboost"), *noise, n_estimators=200, early_stopping_rounds=4)
    assert fitted.model.num_boosted_rounds() == fitted.best_iteration + 1
    assert len(fitted.history["train-logloss"]) == fitted.best_iteration + 5
    assert fitted.model.attributes() == {}


def test_the_last_loss_is_that_of_the_saved_model(noise, quick_fit):
    problem, _, validation = noise
    family = get("xgboost")
    fitted = quick_fit(family, *noise)
    p = family.predict(fitted.model, validation.X, problem)[np.arange(len(validation.y)), validation.y]
    assert -np.log(p).mean() == pytest.approx(
        fitted.history["validation-logloss"][fitted.best_iteration], rel=1e-5
    )


def test_switched_off_it_runs_to_the_end(family, noise, quick_fit):
    off = {"early_stopping_rounds": None} if family.name == "xgboost" else {"early_stopping": False}
    fitted = quick_fit(family, *noise, **{ROUNDS[family.name]: 30}, **off)
    assert fitted.best_iteration is None
    rounds = fitted.model.num_boosted_rounds() if family.name == "xgboost" else fitted.model.n_iter_
    assert rounds == 30


def test_without_validation_rows_nothing_is_held_out(family, noise):
    problem, train, _ = noise
    values = family.Hyperparameters(**{ROUNDS[family.name]: 30})
    fitted = family.fit(problem, train, None, values)
    assert fitted.best_iteration is None
    rounds = fitted.model.num_boosted_rounds() if family.name == "xgboost" else fitted.model.n_iter_
    assert rounds == 30


@pytest.mark.parametrize(
    ("task", "n_classes", "metric"),
    [("classification", 2, "logloss"), ("classification", 3, "mlogloss"), ("regression", 0, "rmse")],
)
def test_losses_have_the_same_name_and_scale_in_both(
    family, task, n_classes, metric, problem_rows, quick_fit
):
    problem, train, validation = problem_rows(task, n_classes)
    fitted = quick_fit(family, problem, train, validation, learning_rate=0.3)
    assert set(fitted.history) == {f"train-{metric}", f"validation-{metric}"}
    last = fitted.history[f"train-{metric}"]
    model = family.predict(fitted.model, train.X, problem)
    if task == "regression":
        loss = np.sqrt(np.mean((model - train.y) ** 2))
    else:
        loss = -np.log(model[np.arange(len(train.y)), train.y]).mean()
    end = fitted.best_iteration if family.name == "xgboost" else -1
    assert last[end] == pytest.approx(loss, rel=1e-4)


def test_xgboost_reports_each_round(noise):
    family = get("xgboost")
    seen = []
    values = family.Hyperparameters(n_estimators=7, early_stopping_rounds=None)
    fitted = family.fit(*noise, values, lambda *report: seen.append(report))
    assert [(iteration, total) for iteration, total, _ in seen] == [(i, 7) for i in range(7)]
    assert [metrics["validation-logloss"] for *_, metrics in seen] == fitted.history["validation-logloss"]


def test_a_class_that_only_the_validation_part_has_stops_nothing(problem_rows, quick_fit):
    problem, train, validation = problem_rows("classification", 3)
    kept = train.y != 1
    fitted = quick_fit(get("hist_gradient_boosting"), problem, Rows(train.X[kept], train.y[kept]), validation)
    assert np.isfinite(fitted.history["validation-mlogloss"]).all()
