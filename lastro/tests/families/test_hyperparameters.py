"""Hyperparameters are the library's own, and what is wrong with one is said before any training."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest
import sklearn.ensemble as ensemble
import sklearn.linear_model as linear_model

from lastro.core.errors import LastroError
from lastro.families.catalog import FAMILIES, check_task, get, hyperparameters, load_params
from lastro.families.protocol import Problem

ESTIMATORS = {
    "logistic_regression": [linear_model.LogisticRegression],
    "elastic_net": [linear_model.ElasticNet],
    "random_forest": [ensemble.RandomForestClassifier, ensemble.RandomForestRegressor],
    "hist_gradient_boosting": [
        ensemble.HistGradientBoostingClassifier,
        ensemble.HistGradientBoostingRegressor,
    ],
}
# Ours, where the library's default is another or depends on the task.
OWN_DEFAULTS = {
    "xgboost": {"early_stopping_rounds": 30},
    "logistic_regression": {"random_state": 0},
    "elastic_net": {"random_state": 0},
    "random_forest": {"random_state": 0, "criterion": "auto", "max_features": "auto"},
    "hist_gradient_boosting": {"random_state": 0, "loss": "auto", "early_stopping": True},
}
BINARY = Problem("classification", ("a", "b", "shop"), (0, 0, 3), 2)
MULTICLASS = Problem("classification", ("a", "b", "shop"), (0, 0, 3), 3)
REGRESSION = Problem("regression", ("a", "b", "shop"), (0, 0, 3))
FILE = """\
name: toy
data:
  source: toy.csv
  target: y
model:
  family: xgboost
  params:
    max_depth: 3
"""


@pytest.mark.parametrize("name", ESTIMATORS)
def test_names_and_defaults_are_scikit_learns(name):
    own = {key: field.default for key, field in get(name).Hyperparameters.model_fields.items()}
    known = set()
    for estimator in ESTIMATORS[name]:
        parameters = inspect.signature(estimator).parameters
        known |= set(parameters)
        for key in own.keys() & parameters.keys() - OWN_DEFAULTS[name].keys():
            assert own[key] == parameters[key].default, key
    assert own.keys() <= known
    assert {key: own[key] for key in OWN_DEFAULTS[name]} == OWN_DEFAULTS[name]
    assert not own.keys() & {"n_jobs", "verbose", "warm_start"}


def test_names_are_those_of_xgboosts_scikit_learn_api():
    # The signature is there even where scikit-learn was hidden from xgboost.
    from lastro.artifact.native import import_xgboost

    known = inspect.signature(import_xgboost().XGBModel.__init__).parameters
    names = get("xgboost").Hyperparameters.model_fields.keys()
    assert names <= known.keys()
    assert not names & {"n_jobs", "verbosity", "device"}


def test_defaults_are_xgboosts():
    from lastro.artifact.native import import_xgboost

    xgboost = import_xgboost()
    matrix = xgboost.DMatrix(np.eye(4), label=np.arange(4) % 2)
    config = json.loads(xgboost.train({"objective": "binary:logistic"}, matrix, 1).save_config())["learner"]
    booster = config["gradient_booster"]
    found = booster["tree_train_param"] | booster["gbtree_model_param"] | config["generic_param"]
    found |= config["objective"]["reg_loss_param"]
    api_only = {"n_estimators", "base_score", "monotone_constraints", "interaction_constraints"}
    for key, field in get("xgboost").Hyperparameters.model_fields.items():
        if key in api_only:
            assert field.default in (None, 100)
        elif key in OWN_DEFAULTS["xgboost"]:
            assert field.default == OWN_DEFAULTS["xgboost"][key]
        elif isinstance(field.default, str):
            assert found[key] == field.default
        else:
            assert float(found[key]) == pytest.approx(field.default), key


@pytest.mark.parametrize(
    ("family", "key", "value", "message"),
    [
        ("xgboost", "max_dept", 3, "unknown key for model.family xgboost; did you mean max_depth? allowed: "),
        ("xgboost", "max_depth", "3", "'3' is not allowed; expected a valid integer"),
        ("xgboost", "subsample", 1.5, "1.5 is not allowed; expected less than or equal to 1"),
        ("xgboost", "n_jobs", 4, "unknown key"),
        ("logistic_regression", "c", 1.0, "unknown key"),
        (
            "logistic_regression",
            "C",
            0,
            "0 is not allowed; expected a number above 0, or null for no penalty",
        ),
        ("logistic_regression", "solver", "sage", "'sage' is not allowed; expected 'lbfgs', "),
        ("elastic_net", "alpha", -1.0, "-1.0 is not allowed; expected greater than or equal to 0"),
        ("random_forest", "min_samples_split", 1, "1 is not allowed; expected an int of 2 or more"),
        ("random_forest", "max_features", "all", "'all' is not allowed; expected auto, sqrt, log2, "),
        ("hist_gradient_boosting", "max_bins", 256, "256 is not allowed; expected less than or equal to 255"),
        ("hist_gradient_boosting", "quantile", 0.5, "quantile is set with loss: quantile"),
    ],
)
def test_a_wrong_hyperparameter_names_file_line_key_and_value(tmp_path, family, key, value, message):
    file = tmp_path / "params.yaml"
    text = FILE.replace("xgboost", family).replace("max_depth: 3", f"{key}: {json.dumps(value)}")
    file.write_text(text)
    with pytest.raises(LastroError) as caught:
        load_params(file)
    assert str(caught.value).startswith(f"params.yaml:{7 if key == 'quantile' else 8}: model.params")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [".inf", ".nan"])
@pytest.mark.parametrize("name", FAMILIES)
def test_no_hyperparameter_is_infinite(tmp_path, name, value):
    # JSON has no such number, and the training record is JSON.
    file = tmp_path / "params.yaml"
    for key in get(name).Hyperparameters.model_fields:
        file.write_text(FILE.replace("xgboost", name).replace("max_depth: 3", f"{key}: {value}"))
        with pytest.raises(LastroError, match=rf"^params.yaml:[78]: model.params.*{key}"):
            load_params(file)


@pytest.mark.parametrize("section", ["params: null", "params: {}", ""])
def test_no_hyperparameters_are_the_defaults(tmp_path, section):
    file = tmp_path / "params.yaml"
    file.write_text(FILE.replace("params:\n    max_depth: 3", section))
    params = load_params(file)
    assert params.model.params == {}
    assert hyperparameters(params).max_depth == 6


def test_overrides_lie_over_the_file(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(FILE)
    values = hyperparameters(load_params(file, {"model.params.max_depth": 5, "model.params.gamma": 2}))
    assert (values.max_depth, values.gamma) == (5, 2.0)


def test_an_unknown_family_gets_the_nearest_name(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(FILE.replace("xgboost", "xgbost"))
    with pytest.raises(
        LastroError, match=r"^params.yaml:6: model.family: 'xgbost' .* did you mean xgboost\?"
    ):
        load_params(file)
    with pytest.raises(LastroError, match="allowed: xgboost, logistic_regression"):
        get("forest of trees")


def test_a_family_that_does_not_do_the_task_is_refused_at_its_line(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(FILE.replace("xgboost", "elastic_net").replace("max_depth", "alpha") + "\n")
    assert load_params(file, {"data.task": "regression"})
    with pytest.raises(LastroError, match=r"^params.yaml:6: model.family: 'elastic_net' does not do class"):
        load_params(file, {"data.task": "classification"})


@pytest.mark.parametrize("name", FAMILIES)
def test_every_task_is_done_or_refused_with_the_families_that_do_it(name):
    family = get(name)
    for problem in (BINARY, MULTICLASS, REGRESSION):
        if problem.task in family.tasks:
            family.check(family.Hyperparameters(), problem)
            check_task(family, problem.task)
        else:
            with pytest.raises(LastroError, match=r"families that do: xgboost, .*hist_gradient_boosting"):
                check_task(family, problem.task)


@pytest.mark.parametrize(
    ("name", "problem", "values", "message"),
    [
        ("xgboost", BINARY, {"base_score": 3.0}, r"xgboost refuses: .*base_score must be in \(0,1\)"),
        ("xgboost", REGRESSION, {"scale_pos_weight": 2.0}, "scale_pos_weight: is for two classes only"),
        ("xgboost", BINARY, {"monotone_constraints": {"aa": 1}}, "'aa' is not a feature; did you mean a?"),
        ("xgboost", BINARY, {"interaction_constraints": [["q"]]}, "'q' is not a feature; name a column"),
        ("logistic_regression", BINARY, {"l1_ratio": 0.5}, "refuses: Solver lbfgs supports only"),
        ("logistic_regression", MULTICLASS, {"solver": "liblinear"}, "does not support multiclass"),
        ("random_forest", REGRESSION, {"criterion": "gini"}, "'gini' is not for regression; allowed: auto, "),
        ("random_forest", REGRESSION, {"class_weight": "balanced"}, "is for classification only"),
        ("random_forest", BINARY, {"bootstrap": False, "max_samples": 9}, "cannot be set if `bootstrap=F"),
        ("hist_gradient_boosting", BINARY, {"loss": "gamma"}, "'gamma' is not for classification"),
        ("hist_gradient_boosting", BINARY, {"max_bins": 2}, "^shop: has 3 categories, .* takes 2 "),
        ("hist_gradient_boosting", BINARY, {"monotonic_cst": {"shop": 1}}, "Categorical features cannot"),
    ],
)
def test_what_the_library_refuses_is_one_line_before_training(name, problem, values, message):
    family = get(name)
    with pytest.raises(LastroError, match=message) as caught:
        family.check(family.Hyperparameters(**values), problem)
    assert "\n" not in str(caught.value)
    assert "Stack trace" not in str(caught.value)


def test_reading_parameters_imports_no_library(tmp_path):
    (tmp_path / "params.yaml").write_text(FILE)
    code = (
        "import sys; from pathlib import Path; from lastro.families.catalog import load_params, hyperparameters;"
        "hyperparameters(load_params(Path('params.yaml')));"
        "print(sorted({'xgboost', 'sklearn', 'scipy', 'pandas', 'skops', 'joblib'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout == "[]\n"
