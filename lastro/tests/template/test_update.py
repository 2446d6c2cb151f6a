"""A later version comes into a repository that has a life of its own: `make update`, as the template moves on."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from tests.clones import Clone
from tests.template.conftest import OWN_TABLE, make_repository, make_template

pytestmark = pytest.mark.e2e

FEATURES = '"""Features of our own."""\n\nSENIOR = 65\n'
UNMERGED = ("DD", "AU", "UD", "UA", "DU", "AA", "UU")


def write_customers(path: Path) -> None:
    """A table with one number that tells the class, and noise."""
    rng = random.Random(7)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["age", "plan", "churned"])
        for _ in range(300):
            age, plan = rng.randint(18, 80), rng.choice(["basic", "plus"])
            writer.writerow([age, plan, "yes" if age + rng.gauss(0, 12) > 50 else "no"])


def live_in(repository: Clone) -> None:
    """What an author does: a table, features, a hyperparameter's neighbour, workflows edited by hand; trained and committed."""
    write_customers(repository.folder / "data" / "customers.csv")
    repository.write("src/model/features.py", FEATURES)
    repository.edit("params.yaml", "resamples: 1000", "resamples: 500")
    repository.edit(".github/workflows/register.yml", "cancel-in-progress: false", "cancel-in-progress: true")
    repository.edit(".github/workflows/code.yml", "timeout-minutes: 30", "timeout-minutes: 77")
    repository.run("dvc", "repro")
    repository.commit("Our table, our features")


def move_on(template: Clone) -> str:
    """The next version: a workflow, a default, the package, and a line that the author has changed as well."""
    template.edit(".github/workflows/register.yml", "permissions: {}", "permissions: {} # none")
    template.edit(".github/workflows/code.yml", "timeout-minutes: 30", "timeout-minutes: 45")
    template.edit("params.yaml", "n_estimators: 300", "n_estimators: 20")
    template.edit("lastro/pyproject.toml", 'version = "0.2.0"', 'version = "0.3.0"')
    template.edit("requirements/runtime.lock", "\n", "\n# resolved anew\n")
    template.commit("Version 0.3.0")
    template.run("git", "tag", "v0.3.0")
    return template.run("git", "rev-parse", "HEAD").stdout.strip()


def update(repository: Clone) -> str:
    """Run what `make update` runs; its environment is the tests'."""
    return repository.run("make", "--old-file", ".venv/dev", "update").stdout


@pytest.fixture(scope="module")
def template(root, tmp_path_factory) -> Clone:
    return make_template(root, tmp_path_factory.mktemp("moving") / "lastro")


@pytest.fixture(scope="module")
def repository(template, tmp_path_factory) -> Clone:
    made = make_repository(template, tmp_path_factory.mktemp("updated") / "churn", **OWN_TABLE)
    live_in(made)
    return made


def test_update_merges_what_both_changed_and_the_report_says_what_it_does(template, repository):
    locks = repository.read("requirements/runtime.lock")
    commit = move_on(template)
    repository.run("git", "switch", "--quiet", "--create", "upgrade")

    update(repository)

    # Merged: theirs and ours in one file.
    workflow = repository.read(".github/workflows/register.yml")
    assert "permissions: {} # none" in workflow
    assert "cancel-in-progress: true" in workflow
    params = repository.read("params.yaml")
    assert "n_estimators: 20" in params
    assert "resamples: 500" in params
    assert "source: data/customers.csv" in params
    assert commit in repository.read("requirements/lastro.txt")
    assert "_commit: v0.3.0" in repository.read(".copier-answers.yml")
    # Ours alone.
    assert repository.read("src/model/features.py") == FEATURES
    assert repository.read("requirements/runtime.lock") == locks

    # A conflict only where both edited the same line.
    status = repository.run("git", "status", "--porcelain").stdout.splitlines()
    assert [line[3:] for line in status if line[:2] in UNMERGED] == [".github/workflows/code.yml"]
    conflict = repository.read(".github/workflows/code.yml")
    ours, theirs = (
        conflict.split("<<<<<<< before updating\n")[1].split(">>>>>>> after updating")[0].split("=======\n")
    )
    assert (ours.strip(), theirs.strip()) == ("timeout-minutes: 77", "timeout-minutes: 45")

    repository.run("git", "checkout", "--ours", ".github/workflows/code.yml")
    repository.run("dvc", "repro")
    repository.commit("Lastro 0.3.0")
    report = repository.run("lastro", "report", "--base", "main").stdout
    assert "n_estimators" in report
    assert f"pins another package: `v0.3.0, commit {commit[:12]}` instead of `v0.2.0, commit " in report
    assert "The model is " in report


def test_second_update_changes_nothing(repository):
    repository.run("git", "reset", "--hard", "--quiet")
    update(repository)
    assert repository.run("git", "status", "--porcelain").stdout == ""
