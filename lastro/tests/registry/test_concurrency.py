"""Many at once, from processes of their own, against a real server: one version, one winner."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lastro.operations.registry import history
from tests.registry.conftest import register, registry_at
from tests.registry.interruption import FORKS, run_main

pytestmark = pytest.mark.e2e


def start(clone, server, *arguments: str) -> subprocess.Popen[str]:
    env = clone.env | {"MLFLOW_TRACKING_URI": server.uri}
    command = [sys.executable, "-m", "lastro.cli", *arguments]
    return subprocess.Popen(
        command, cwd=clone.folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def at_once(clone, server, folder, times: int) -> list[str]:
    """What so many `lastro register` say, in processes that are started together; all must succeed."""
    env = clone.env | {"MLFLOW_TRACKING_URI": server.uri}
    outputs = [folder / f"{times}-{number}" for number in range(times)]
    started = [
        FORKS.Process(
            target=run_main, args=(("register",), clone.folder, env, output, output.with_suffix(".err"))
        )
        for output in outputs
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(300)
    printed = [output.read_text() for output in outputs]
    assert [process.exitcode for process in started] == [0] * times, printed
    return printed


def test_many_at_once_leave_one_version(clone, server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("printed")
    # First nothing is there: each finds the run missing and records it.
    at_once(clone, server, folder, 6)
    registry = registry_at(server.uri, "breast-cancer")
    (version,) = registry.versions()
    (run,) = registry.client.search_runs([registry.store.experiment.experiment_id])
    assert version.run_id == run.info.run_id

    # Then the run is there, as after a pipeline that tracked, and no version.
    registry.delete(version.number)
    outputs = at_once(clone, server, folder, 32)
    (version,) = registry.versions()
    assert all(f"version {version.number}, " in output for output in outputs), outputs
    assert sum(output.startswith("registered: ") for output in outputs) == 1
    assert registry.snapshot().aliases == {"test": version.number}

    # Two releases of it at once: one wins, the other is told.
    for tag in ("v1.0.0", "v1.1.0"):
        register(registry, clone, tag)
    both = [start(clone, server, "promote", tag) for tag in ("v1.0.0", "v1.1.0")]
    printed = [process.communicate(timeout=120)[0] for process in both]
    snapshot = registry.snapshot()
    done = history.promotions(history.read_entries(snapshot))
    told = [text for process, text in zip(both, printed, strict=True) if process.returncode]
    # Either they met, or one was done before the other looked, which then is a release like any other.
    assert len(done) + len(told) == 2
    assert all(text.startswith("error: ") and text.count("\n") == 1 for text in told)
    assert snapshot.aliases["production"] == done[-1].version
    assert history.unfinished(registry, snapshot) == []
