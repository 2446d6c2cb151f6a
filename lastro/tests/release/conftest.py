"""A repository with one main line, on which each commit holds one change against v1.0.0, and its registry."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow
import pytest

from lastro.cli.main import cli
from lastro.operations.registry.client import Registry, open_registry
from lastro.operations.release.plan import promote
from lastro.operations.release.tags import ReleaseTag
from tests.clones import Clone, copy_clone, make_clone, make_once
from tests.registry.conftest import register, registry_at
from tests.release.small_project import SPARE, people, retyped, write, write_params

STEPS = {
    "first": {},
    "deeper": {"model.params": {"n_estimators": 20, "max_depth": 4}},
    "reseeded": {"data.split.seed": 7, "gate.min_rows": 5},
    "strict": {"data.split.seed": 7, "gate.min_rows": 30},
    "dropped": {"data.ignore": [*SPARE, "city"]},
    "optional": {"data.ignore": [name for name in SPARE if name != "extra"]},
    "required": {"data.ignore": [name for name in SPARE if name != "whole"]},
    "retyped": {"data.source": "data/retyped.csv"},
}
"""Tag of each commit -> what its parameters have that the others have not. Each says what it changes."""


@pytest.fixture(scope="session")
def line(root, empty_database, tmp_path_factory) -> Clone:
    """The commits of STEPS, each registered; the first one is v1.0.0 and in production. Do not change."""
    env = {"LASTRO_TRACKING": "off"}

    def make(folder: Path) -> None:
        make_line(make_clone(root, folder, env), root, empty_database)

    return Clone(make_once(tmp_path_factory, "line", make), env)


def make_line(clone: Clone, root: Path, empty_database: Path) -> None:
    write(people(), clone.folder / "data" / "town.csv")
    write(retyped(people()), clone.folder / "data" / "retyped.csv")
    shutil.copy(empty_database, clone.folder / "mlflow.db")
    registry = registry_at(
        f"sqlite:///{clone.folder / 'mlflow.db'}", "town", folder=clone.folder / "mlartifacts"
    )
    for step, changes in STEPS.items():
        write_params(root, clone.folder / "params.yaml", **changes)
        clone.run("dvc", "repro")
        clone.commit(step)
        clone.run("git", "tag", step)
        register(registry, clone)
    clone.run("git", "tag", "v1.0.0", "first")
    promote(registry, clone.folder, ReleaseTag.parse("v1.0.0"), who="Test")
    mlflow.set_tracking_uri(None)


@pytest.fixture
def clone(line, tmp_path, monkeypatch) -> Clone:
    """A copy of the line, to change; with DVC's cache, without what lies in the working copy beside Git's files."""
    yield copy_clone(line, tmp_path / "clone", monkeypatch, "mlartifacts", "prepared", "reports", "site")
    mlflow.set_tracking_uri(None)


@pytest.fixture
def registry(clone) -> Registry:
    """The clone's."""
    return open_registry(clone.folder)


@pytest.fixture
def lastro(clone, monkeypatch, capsys):
    """Runs a command in the clone, in this process; what it prints is in the attribute `out`, also where it fails."""
    monkeypatch.chdir(clone.folder)

    class Command:
        out = ""

        def __call__(self, *arguments: str) -> str:
            capsys.readouterr()
            try:
                cli.main(list(arguments), prog_name="lastro", standalone_mode=False)
            finally:
                self.out = capsys.readouterr().out
            return self.out

        def json(self, *arguments: str):
            return json.loads(self(*arguments, "--json"))

    return Command()
