"""What all tests share: quiet libraries, a profile for CI, the repository's folder, and what a run says at its end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.clones import DEPTHS, LEFT_BY_MLFLOW, Clone, make_clone, make_once
from tests.docker_engine import Docker, shared_engine
from tests.servers import Postgres

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "1"
os.environ.pop("MLFLOW_TRACKING_URI", None)

ROOT = Path(__file__).parents[2]
REAL_WORLD = "root for a Docker engine, docker-registry, PostgreSQL, Go 1.24 (or act), Chromium, and npm"
"""What the tests that are marked e2e work with; those whose part is missing are skipped."""

# The machine is shared and slow at times: an example may take long without anything being wrong.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test begins first: at the end the others would have to wait for it."""
    items.sort(key=lambda item: "test_story.py" not in item.nodeid)


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Say what did not run and what would enable it; add each test's seconds to the file that LASTRO_DURATIONS names."""
    if hasattr(config, "workerinput"):
        return
    reports = [report for found in terminalreporter.stats.values() for report in found]
    reports = [report for report in reports if isinstance(report, pytest.TestReport)]
    missing = Counter(
        report.longrepr[2] for report in reports if report.skipped and not hasattr(report, "wasxfail")
    )
    for reason, number in missing.most_common():
        terminalreporter.write_line(f"not run: {number} test(s): {reason.removeprefix('Skipped: ')}")
    if config.option.markexpr == "not e2e":
        terminalreporter.write_line(
            f"not run: the real-world tests: `make test-e2e` runs them, with {REAL_WORLD}"
        )
    if os.environ.get("LASTRO_DURATIONS"):
        seconds = Counter()
        for report in reports:
            seconds[report.nodeid] += report.duration
        with open(os.environ["LASTRO_DURATIONS"], "a", encoding="utf-8") as file:
            file.writelines(f"{number:8.1f} s  {name}\n" for name, number in seconds.items())


@pytest.fixture(scope="module", autouse=True)
def _no_store_of_another_module() -> None:
    """Forget the store that MLflow opened last in this process: it leaves it in the environment."""
    for name in LEFT_BY_MLFLOW:
        os.environ.pop(name, None)


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


@pytest.fixture(scope="session")
def template(root, tmp_path_factory) -> Clone:
    """Three commits with a model each, tagged, not tracked: their outputs are in DVC's cache. Do not change."""
    env = {"LASTRO_TRACKING": "off"}

    def make(folder: Path) -> None:
        clone = make_clone(root, folder, env)
        for tag, depth in DEPTHS.items():
            text = clone.read("params.yaml")
            line = next(line for line in text.splitlines() if "max_depth" in line)
            clone.edit("params.yaml", line, f"    max_depth: {depth}")
            clone.run("dvc", "repro")
            if clone.run("git", "status", "--porcelain").stdout:
                clone.commit(tag)
            clone.run("git", "tag", tag)

    return Clone(make_once(tmp_path_factory, "template", make), env)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory) -> Path:
    """An SQLite store with all its tables: making them takes seconds."""

    def make(folder: Path) -> None:
        folder.mkdir()
        from mlflow import MlflowClient

        MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()

    return make_once(tmp_path_factory, "database", make) / "mlflow.db"


@pytest.fixture(scope="session")
def postgres():
    cluster = Postgres()
    yield cluster
    cluster.remove()
