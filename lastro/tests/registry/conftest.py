"""A clone with three released models, and registries of every kind to put them into."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from lastro.operations.registry import register as registration
from lastro.operations.registry.client import Registry, open_registry
from lastro.operations.tracking.store import Store
from tests.clones import DEPTHS, Clone, copy_clone, make_once
from tests.servers import MlflowServer


@pytest.fixture
def clone(template, tmp_path, monkeypatch) -> Clone:
    """A copy of the template, to change; commands in it and calls in this process have Git's identity."""
    yield copy_clone(template, tmp_path / "clone", monkeypatch)
    mlflow.set_tracking_uri(None)


@pytest.fixture
def registry(clone, empty_database) -> Registry:
    """The embedded registry of the clone, empty."""
    shutil.copy(empty_database, clone.folder / "mlflow.db")
    return open_registry(clone.folder)


@pytest.fixture(scope="session")
def registered_database(template, empty_database, tmp_path_factory) -> Path:
    """A store with the versions 1, 2 and 3 of the three tags; its artifacts lie beside it, not to be changed."""

    def make(folder: Path) -> None:
        folder.mkdir()
        shutil.copy(empty_database, folder / "mlflow.db")
        store = registry_at(f"sqlite:///{folder / 'mlflow.db'}", "breast-cancer", folder=folder / "artifacts")
        for tag in DEPTHS:
            register(store, template, tag)
        mlflow.set_tracking_uri(None)

    return make_once(tmp_path_factory, "registered", make) / "mlflow.db"


@pytest.fixture
def embedded(clone, registered_database) -> Registry:
    """The embedded registry of the clone, with the versions 1, 2 and 3 of the three tags."""
    shutil.copy(registered_database, clone.folder / "mlflow.db")
    return open_registry(clone.folder)


@pytest.fixture(scope="session")
def server(tmp_path_factory, postgres):
    """A real MLflow server over PostgreSQL, shared: each test uses a registered model of its own."""
    running = MlflowServer(tmp_path_factory.mktemp("mlflow"), postgres.create("registry"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def registered_on_server(server, template) -> Registry:
    """A registered model on the server with the versions 1, 2 and 3 of the three tags. Do not change."""
    registry = registry_at(server.uri, "three-releases")
    for tag in DEPTHS:
        register(registry, template, tag)
    mlflow.set_tracking_uri(None)
    return registry


@pytest.fixture
def served(clone, server, registered_on_server) -> Registry:
    """A registered model of the test's own on the server, with the versions 1, 2 and 3 of the three tags."""
    registry = registry_at(server.uri, registered_on_server.name, f"three-releases-{uuid.uuid4().hex}")
    for version in registered_on_server.versions()[::-1]:
        registry.create(version.run_id, version.tags, version.description)
    registry.set_alias("test", len(DEPTHS))
    return registry


def register(registry: Registry, clone: Clone, rev: str | None = None) -> registration.Registered:
    """What `lastro register` does, in this process."""
    found = registration.read_registrable(clone.folder, rev)
    return registration.register(registry, clone.folder, found, rev)


def registry_at(uri: str, experiment: str, name: str | None = None, folder: Path | None = None) -> Registry:
    """A registry on a server with an experiment, and a registered model, of the test's own."""
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    made = found or client.get_experiment(client.create_experiment(experiment, folder and folder.as_uri()))
    registry = Registry(Store(uri, client, made))
    registry.name = name or experiment
    return registry
