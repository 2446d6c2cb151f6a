"""Stores of every kind, and a pipeline's outputs to record in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lastro.cli.pipeline import run_stage
from lastro.core.paths import Paths
from lastro.families.catalog import load_params
from tests import example
from tests.servers import MlflowServer, Postgres


class Project:
    """A folder with params.yaml and, after `run`, the outputs of the three stages, not tracked yet."""

    def __init__(self, folder: Path, root: Path, **overrides):
        text = example.PARAMS.read_text()
        for old, new in overrides.items():
            assert old in text
            text = text.replace(old, new, 1)
        (folder / "data").mkdir(parents=True)
        (folder / "data" / "schema.json").write_text("{}")
        (folder / "data" / "breast_cancer.csv").symlink_to(root / "data" / "breast_cancer.csv")
        (folder / "params.yaml").write_text(text)
        (folder / "requirements").symlink_to(root / "requirements")
        self.folder, self.paths = folder, Paths.of(folder)

    def run(self, *stages: str) -> None:
        params = load_params(self.paths.params)
        for stage in stages or ("prepare", "train", "evaluate"):
            run_stage(stage, params, self.paths)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, root) -> Project:
    """The outputs of the example, trained offline. Do not change; `copy_of` gives one to change."""
    project = Project(tmp_path_factory.mktemp("trained") / "project", root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LASTRO_TRACKING", "off")
        project.run()
    return project


@pytest.fixture
def project(trained, tmp_path, monkeypatch) -> Project:
    """A copy of the trained project, with git so that a commit can be told."""
    import copy
    import shutil

    # MLflow leaves the last store that this process opened in the environment, which stages and commands inherit.
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made = copy.copy(trained)
    made.folder = tmp_path / "project"
    shutil.copytree(trained.folder, made.folder, symlinks=True)
    made.paths = Paths.of(made.folder)
    return made


@pytest.fixture(scope="session")
def postgres():
    cluster = Postgres()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def server(tmp_path_factory, postgres):
    """A real MLflow server over PostgreSQL, shared: each test uses an experiment of its own."""
    running = MlflowServer(tmp_path_factory.mktemp("mlflow"), postgres.create("tracking"))
    yield running
    running.stop()
