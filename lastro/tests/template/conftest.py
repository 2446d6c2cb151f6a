"""A repository that others are made from: a clone of the one under test, at a tag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from copier import run_copy

from tests.clones import Clone, make_clone

OWN_TABLE = {"name": "churn", "data_file": "data/customers.csv", "target": "churned", "owner": "acme/ml"}


def make_template(root: Path, folder: Path) -> Clone:
    """Clone the repository under test and tag the clone v0.2.0."""
    template = make_clone(root, folder)
    template.run("git", "tag", "v0.2.0")
    return template


def make_repository(template: Clone, folder: Path, **answers: Any) -> Clone:
    """Make a new repository by `copier copy`, without --trust. It imports the package from the template's folder."""
    run_copy(str(template.folder), folder, data=answers, defaults=True, quiet=True)
    package = template.folder / "lastro" / "src"
    made = Clone(folder, {"PYTHONPATH": f"{package}:{folder / 'src'}"})
    made.run("git", "init", "--quiet", "--initial-branch", "main")
    return made


def files(repository: Clone) -> list[str]:
    """List what copier left, relative to the repository."""
    listed = repository.run("git", "ls-files", "--cached", "--others").stdout
    return sorted(listed.splitlines())


@pytest.fixture(scope="package")
def template(root, tmp_path_factory) -> Clone:
    """Not to be changed: all tests of the package share it."""
    return make_template(root, tmp_path_factory.mktemp("template") / "lastro")
