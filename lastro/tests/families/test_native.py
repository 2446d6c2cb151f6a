"""The leaf that travels with a model: what it imports, and the numbers it gives."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastro.artifact import native
from lastro.families.catalog import get
from lastro.families.protocol import Problem

IMPORT = """
import sys, threading
from lastro.artifact.native import import_xgboost
hooks = list(sys.meta_path)
{before}
xgboost = import_xgboost()
assert sys.meta_path == hooks
{after}
"""


def python(before: str = "", after: str = "") -> None:
    subprocess.run([sys.executable, "-c", IMPORT.format(before=before, after=after)], check=True)


def test_it_needs_nothing_else_of_lastro():
    tree = ast.parse(Path(native.__file__).read_text())
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert not [name for name in modules if name.startswith("lastro")]


def test_xgboost_comes_without_scikit_learn_which_can_still_be_imported():
    python(
        after="assert 'sklearn' not in sys.modules\n"
        "import sklearn.linear_model, mlflow.xgboost\n"
        "assert sklearn.linear_model.Ridge().fit([[0], [1]], [0, 1])\n"
        "mlflow.xgboost.autolog()"
    )


def test_where_scikit_learn_is_there_xgboost_gets_it():
    python(
        before="import sklearn.base",
        after="assert isinstance(xgboost.XGBClassifier(), sklearn.base.BaseEstimator)",
    )


def test_another_thread_imports_scikit_learn_meanwhile():
    python(
        before="other = threading.Thread(target=lambda: __import__('sklearn.base')); other.start()",
        after="other.join(); assert 'sklearn.base' in sys.modules",
    )


@given(
    n=st.integers(2, 9),
    p=st.integers(1, 300),
    k=st.integers(1, 4),
    seed=st.integers(0, 99),
    scale=st.sampled_from([1e-3, 1.0, 30.0]),
)
def test_linear_answers_do_not_depend_on_the_batch(n, p, k, seed, scale):
    rng = np.random.default_rng(seed)
    estimator = SimpleNamespace(
        coef_=rng.normal(size=(k, p)) * scale, intercept_=rng.normal(size=k), classes_=np.arange(max(k, 2))
    )

    class Model(list):
        steps = ((None, estimator),)

        def __getitem__(self, _):
            return SimpleNamespace(transform=lambda X: X)

    X = rng.normal(size=(n, p))
    together = native.predict_sklearn(Model(), X, "classification")
    alone = [native.predict_sklearn(Model(), X[i : i + 1], "classification") for i in range(n)]
    assert (np.vstack(alone) == together).all()
    assert np.isfinite(together).all()


@pytest.mark.parametrize("names", [("a [m]", "b<c", "d]"), ("a[", "a]", "a<"), ("x", "ü ß", "1")])
def test_any_feature_name_will_do_for_xgboost(names, problem_rows, quick_fit):
    family = get("xgboost")
    _, train, validation = problem_rows("regression", 0)
    columns = [0, 2, 4]
    problem = Problem("regression", names, (0, 0, 0))
    rows = [type(part)(part.X[:, columns], part.y) for part in (train, validation)]
    model = family.from_bytes(family.to_bytes(quick_fit(family, problem, *rows).model))
    assert family.importance(model, problem).argmax() == 0


def test_a_monotone_constraint_holds_in_both_boosters(problem_rows, quick_fit):
    problem, train, validation = problem_rows("regression", 0)
    for name, key in (("xgboost", "monotone_constraints"), ("hist_gradient_boosting", "monotonic_cst")):
        family = get(name)
        model = quick_fit(family, problem, train, validation, **{key: {"signal [m]": -1}}).model
        X = np.repeat(validation.X[:1], 50, axis=0)
        X[:, 0] = np.linspace(-3, 3, 50)
        assert (np.diff(family.predict(model, X, problem)) <= 0).all()
