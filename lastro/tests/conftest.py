"""What all tests share: quiet libraries, a profile for CI, and the repository's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.docker_engine import Docker, shared_engine

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "1"
os.environ.pop("MLFLOW_TRACKING_URI", None)

ROOT = Path(__file__).parents[2]

# The machine is shared and slow at times: an example may take long without anything being wrong.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test begins first: at the end the others would have to wait for it."""
    items.sort(key=lambda item: "test_story.py" not in item.nodeid)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository under test."""
    return ROOT


@pytest.fixture(scope="session")
def docker(tmp_path_factory) -> Iterator[Docker]:
    """Docker's engine with Python's slim image; the tests of all processes share it, so what they build has its own name."""
    folder = tmp_path_factory.getbasetemp()
    # Each process of xdist has a folder in the run's.
    with shared_engine(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) as engine:
        yield engine
