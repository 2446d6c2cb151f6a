"""The repository as an MLflow project."""

from __future__ import annotations

import json

import pytest
import yaml

from lastro.families import catalog
from tests.clones import Clone, make_clone

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def clone(root, tmp_path_factory) -> Clone:
    return make_clone(root, tmp_path_factory.mktemp("project"))


def run(clone: Clone, *arguments: str, check: bool = True):
    return clone.run("mlflow", "run", ".", "--env-manager", "local", *arguments, check=check)


def parameters(clone: Clone) -> list[dict[str, str]]:
    """The parameters of every run that the clone's own experiment holds."""
    code = (
        "import json, mlflow; runs = mlflow.search_runs(experiment_names=['breast-cancer'], output_format='list')\n"
        "print(json.dumps([r.data.params for r in runs]))"
    )
    done = clone.run("python", "-W", "ignore", "-c", code, MLFLOW_TRACKING_URI="sqlite:///mlflow.db")
    return json.loads(done.stdout.splitlines()[-1])


def test_main_with_a_hyperparameter_is_a_tracked_trial(clone):
    out = run(clone, "-P", "max_depth=4").stdout
    assert "verdict: pass" in out
    assert clone.run("git", "status", "--porcelain").stdout == ""
    assert not (clone.folder / "reports").exists()
    depths = [value for run in parameters(clone) for name, value in run.items() if name.endswith("max_depth")]
    assert "4" in depths


def test_train_takes_typed_hyperparameters_and_its_defaults_change_nothing(clone):
    out = run(clone, "-e", "train", "-P", "n_estimators=7").stdout
    assert "verdict: pass" in out
    assert {"7"} <= {v for run in parameters(clone) for k, v in run.items() if k.endswith("n_estimators")}


def test_a_wrong_value_is_one_line_and_fails_the_project(clone):
    failed = run(clone, "-e", "train", "-P", "max_depth=deep", check=False)
    assert failed.returncode
    (line,) = [line for line in failed.stdout.splitlines() if line.startswith("error: ")]
    assert "max_depth" in line
    assert "Traceback" not in failed.stdout


def test_evaluate_without_a_parameter_is_the_pipeline(clone):
    out = run(clone, "-e", "evaluate").stdout
    assert "Running stage 'evaluate'" in out
    assert clone.run("git", "status", "--porcelain").stdout == ""
    assert clone.run("lastro", "check").returncode == 0


def test_every_hyperparameter_of_every_family_is_declared(root):
    declared = yaml.safe_load((root / "MLproject").read_text())["entry_points"]["train"]["parameters"]
    for family in catalog.FAMILIES:
        assert set(catalog.get(family).Hyperparameters.model_fields) <= set(declared)
