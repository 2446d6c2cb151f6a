"""The command line as a person meets it."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys

import pytest

from lastro.cli.main import cli
from tests import example
from tests.clones import Clone, make_clone


def lastro(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "lastro.cli", *arguments], capture_output=True, text=True)


def test_help_lists_every_command_and_imports_no_library():
    done = lastro("--help")
    assert done.returncode == 0
    for name in cli.commands:
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)
    code = (
        "import sys, lastro.cli.main; "
        "print({'pydantic', 'numpy', 'pyarrow', 'mlflow', 'yaml', 'requests', 'tabulate'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_every_command_has_help():
    for name in cli.commands:
        done = lastro(name, "--help")
        assert done.returncode == 0, (name, done.stderr)
        assert "Usage: lastro" in done.stdout


def test_unknown_command_suggests():
    done = lastro("statsu")
    assert done.returncode == 2
    assert "status" in done.stderr


def test_train_offers_the_hyperparameters_of_the_family():
    done = lastro("train", "--help")
    for option in ("--max-depth", "--learning-rate", "--n-estimators", "--set"):
        assert option in done.stdout
    forest = lastro("train", "--set", "model.family=random_forest", "--help")
    assert "--min-samples-leaf" in forest.stdout
    assert "--learning-rate" not in forest.stdout


def test_outside_of_a_repository(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "lastro.cli", "status"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def clone(root, tmp_path_factory) -> Clone:
    made = make_clone(root, tmp_path_factory.mktemp("cli"))
    made.run("dvc", "repro", LASTRO_TRACKING="off")
    return made


def digests(clone: Clone) -> dict[str, str]:
    names = ["params.yaml", "dvc.lock"]
    names += [
        str(p.relative_to(clone.folder))
        for folder in ("data/prepared", "models", "reports")
        for p in (clone.folder / folder).rglob("*")
        if p.is_file()
    ]
    return {name: hashlib.md5((clone.folder / name).read_bytes()).hexdigest() for name in names}


@pytest.mark.e2e
def test_trial_is_tracked_and_touches_nothing(clone):
    before = digests(clone)
    out = clone.run(
        "lastro", "train", "--max-depth", "6", "--learning-rate", "0.1", "--n-estimators", "30",
        "--set", "gate.limits.accuracy=0.5",
    ).stdout  # fmt: skip
    assert "limit on accuracy" in out
    assert len(re.findall(r"^run: xgboost-", out, re.MULTILINE)) == 2
    assert digests(clone) == before
    # Another family, other data: prepared anew, away from the pipeline's.
    out = clone.run(
        "lastro", "train", "--set", "model.family=elastic_net", "--alpha", "0.5",
        "--set", f"data.source={example.table('diabetes', clone.folder)}",
    ).stdout  # fmt: skip
    assert "elastic_net, regression, 88 held-out rows" in out
    assert digests(clone) == before
    code = (
        "import mlflow; mlflow.set_tracking_uri('sqlite:///mlflow.db'); "
        "print(sorted(mlflow.search_runs(search_all_experiments=True)['tags.lastro.trial']))"
    )
    assert "['true', 'true']" in clone.run("python", "-c", code).stdout


@pytest.mark.e2e
def test_trial_reads_the_table_that_params_name_now(clone):
    # The pipeline's prepared data is of another table by then.
    clone.edit("params.yaml", "data/breast_cancer.csv", example.table("wine", clone.folder))
    out = clone.run("lastro", "train", "--n-estimators", "5", LASTRO_TRACKING="off").stdout
    clone.run("git", "checkout", "-q", "params.yaml")
    assert "36 held-out rows" in out


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--max-dept", "3"], ["max-dept", "--max-depth"]),
        (["--max-depth", "deep"], ["command line: model.params.max_depth", "'deep'"]),
        (["--max-depth", "-3"], ["command line: model.params.max_depth", "-3"]),
        (["--set", "model.famly=x"], ["model.famly", "did you mean family"]),
        (["--set", "nonsense"], ["key=value"]),
        (["--set", "model.family=tree"], ["'tree'", "xgboost"]),
    ],
)
def test_trial_refuses_what_params_would(clone, arguments, words):
    done = clone.run("lastro", "train", *arguments, check=False, LASTRO_TRACKING="off")
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stdout
    for word in words:
        assert word in done.stdout


@pytest.mark.e2e
def test_status_of_revisions(clone):
    assert re.search(r"^lock +up to date$", clone.run("lastro", "status").stdout, re.MULTILINE)
    clone.edit("params.yaml", "max_depth: 3", "max_depth: 4")
    out = clone.run("lastro", "status").stdout
    assert re.search(r"^lock +outdated$", out, re.MULTILINE)
    assert "max_depth" in out
    assert "dvc repro" in out
    assert re.search(
        r"^lock +up to date$", clone.run("lastro", "status", "--rev", "HEAD").stdout, re.MULTILINE
    )
    clone.run("git", "checkout", "-q", "params.yaml")
