"""The server, and PostgreSQL behind it, killed at the requests of a command: run again, it ends as if undisturbed."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from lastro.operations.registry import names
from lastro.operations.registry.client import Registry
from lastro.operations.tracking.store import Store
from tests.clones import Clone
from tests.proxy import Hold
from tests.registry.conftest import registry_at
from tests.registry.interruption import Command, Deployment, Outcome
from tests.registry.replica import copy_runs, copy_versions, visible

pytestmark = pytest.mark.e2e

EVERY = bool(os.environ.get("LASTRO_EVERY_REQUEST"))
"""Whether a fault meets each request, for an hour; otherwise each kind of write once, and of the rest the first and last."""
TOGETHER = 16
"""Commands that meet their fault at the same moment: a server takes seconds to start."""


@dataclass(frozen=True)
class Case:
    """A command that is interrupted. `alias` is what it moves, as its last step; `always`: its requests are no other's."""

    arguments: tuple[str, ...]
    alias: str
    recorded: bool = True
    registered: bool = False
    always: bool = True


CASES = {
    # Nothing is there yet, so the run is recorded first.
    "register-new": Case(("register", "--rev", "v1.2.0"), names.TEST, recorded=False),
    "register-recorded": Case(("register", "--rev", "v1.1.0"), names.TEST, always=False),
    # v1.0.0 is in production, and compared with.
    "promote": Case(
        ("promote", "v1.1.0", "--image", "sha256:" + "a" * 64, "--reason", "better"),
        names.PRODUCTION,
        registered=True,
    ),
}


class Scene:
    """The servers, and for each command a clone with an experiment and a registered model of its own."""

    def __init__(self, deployment: Deployment, template: Clone, folder: Path):
        self.deployment, self._folder, self._numbers = deployment, folder, itertools.count(1)
        self._template = folder / "template"
        shutil.copytree(template.folder, self._template, symlinks=True)
        Clone(self._template).run("git", "config", "user.name", "Test")
        self._original = self._clone()
        for arguments in ("register --rev v1.0.0", "register --rev v1.1.0", "promote v1.0.0"):
            done = Command(deployment, self._original, tuple(arguments.split())).finish()
            assert done.code == 0, done

    def place(self, case: Case) -> Path:
        """A clone to run the command in, whose experiment and registered model hold what the case needs."""
        folder = self._clone()
        if case.recorded:
            uri = self.deployment.running.uri
            source, target = registry_at(uri, self._original.name), registry_at(uri, folder.name)
            ids = copy_runs(source, target, self.deployment.artifacts)
            if case.registered:
                copy_versions(source, target, ids)
        return folder

    def _clone(self) -> Path:
        folder = self._folder / f"model-{next(self._numbers)}"
        shutil.copytree(self._template, folder, symlinks=True)
        Clone(folder).edit("params.yaml", "name: breast-cancer", f"name: {folder.name}")
        return folder

    def look(self, folder: Path) -> dict[str, Any]:
        """What is there to be seen of the clone's model; nothing before its experiment was made."""
        uri = self.deployment.running.uri
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name(folder.name)
        if experiment is None:
            return {"aliases": {}}
        return visible(Registry(Store(uri, client, experiment)), self.deployment.artifacts)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory) -> Iterator[Deployment]:
    running = Deployment(tmp_path_factory.mktemp("deployment"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def scene(deployment, template, tmp_path_factory) -> Iterator[Scene]:
    yield Scene(deployment, template, tmp_path_factory.mktemp("scene"))
    mlflow.set_tracking_uri(None)


class Trial:
    """One case: what comes of it undisturbed, and what comes of it with faults."""

    def __init__(self, scene: Scene, case: Case):
        self._scene, self._case, self._deployment = scene, case, scene.deployment
        place = scene.place(case)
        undisturbed = self._command(place)
        done = undisturbed.finish()
        assert (done.code, done.err) == (0, "")
        self.calls, self._expected = undisturbed.calls, scene.look(place)

    def _command(self, place: Path, *options: Any) -> Command:
        return Command(self._deployment, place, self._case.arguments, *options)

    def hold(
        self, numbers: list[int], moment: str, lost: bool, retries: int = 0
    ) -> Iterator[list[tuple[int, Path, Command]]]:
        """Commands that are held at the requests of these numbers, TOGETHER at a time."""
        for start in range(0, len(numbers), TOGETHER):
            held = []
            try:
                for number in numbers[start : start + TOGETHER]:
                    place = self._scene.place(self._case)
                    held.append((number, place, self._command(place, Hold(number, moment, lost), retries)))
                yield held
            finally:
                for _, _, command in held:
                    command.give_up()

    def differences(self, number: int, place: Path, outcome: Outcome) -> list[str]:
        """What is not as it should be after the fault, and after the command was run again."""
        wrong = [] if is_clear(outcome) else [str(outcome)]
        alias = self._case.alias
        state, expected = self._scene.look(place), self._expected
        if outcome.code == 0 or state["aliases"].get(alias) == expected["aliases"][alias]:
            # Whoever follows the alias must find everything else in its place.
            wrong += [f"though done: {text}" for text in compare(state, expected)]
        again = self._command(place).finish()
        if again.code or again.err:
            wrong.append(f"run again: {again}")
        wrong += compare(self._scene.look(place), expected)
        shutil.rmtree(place)
        return [f"request {number}, {self.calls[number]}: {text}" for text in wrong]


CHOSEN = {name: case for name, case in CASES.items() if EVERY or case.always}


@pytest.fixture(params=CHOSEN.values(), ids=CHOSEN)
def trial(request, scene) -> Trial:
    return Trial(scene, request.param)


def is_clear(outcome: Outcome) -> bool:
    """Whether the command came through, or failed with one line."""
    if outcome.code == 0:
        return not outcome.err
    one_line = outcome.err.startswith("error: ") and outcome.err.count("\n") == 1
    return outcome.code == 3 and one_line and not outcome.out


def compare(found: Any, expected: Any, where: str = "") -> list[str]:
    """What differs, each with where it is."""
    if isinstance(found, dict) and isinstance(expected, dict):
        pairs = [(key, found.get(key), expected.get(key)) for key in sorted(found.keys() | expected.keys())]
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = [(number, *pair) for number, pair in enumerate(zip(found, expected, strict=True))]
    else:
        return [] if found == expected else [f"{where}: {found!r:.300}, expected {expected!r:.300}"]
    return [text for key, *pair in pairs for text in compare(*pair, f"{where}/{key}")]


def writes(calls: list[str]) -> list[int]:
    """The requests that change something; the first of each kind, one file being like another."""
    kinds = [call.partition("/artifacts/")[0] for call in calls]
    return [
        number
        for number, kind in enumerate(kinds)
        if not kind.startswith("GET") and not kind.endswith("/search")
        if EVERY or kind not in kinds[:number]
    ]


def asks_database(call: str) -> bool:
    return "/mlflow-artifacts/" not in call and not call.endswith("/server-info")


def ends(numbers: list[int]) -> list[int]:
    """The first and the last: a server that is gone before a request holds what it held after the write before it."""
    return numbers if EVERY else [numbers[0], numbers[-1]]


@pytest.mark.parametrize(
    ("numbers", "moment"),
    [
        pytest.param(lambda calls: ends(list(range(len(calls)))), "before", id="before-the-request"),
        pytest.param(writes, "after", id="answer-lost"),
    ],
)
def test_server_killed(trial, deployment, numbers, moment):
    wrong = []
    for held in trial.hold(numbers(trial.calls), moment, lost=True):
        deployment.running.stop()
        ended = [(number, place, command.finish()) for number, place, command in held]
        deployment.restart_server()
        for found in ended:
            wrong += trial.differences(*found)
    assert not wrong, "\n".join(wrong)


def test_write_that_the_client_repeats(trial, deployment):
    """The server is back before the client has given up, and gets a second time what it had done already."""
    wrong = []
    # Whether a server answers at all is asked once, and the experiment is found or made with it.
    numbers = [number for number in writes(trial.calls) if "/experiments/" not in trial.calls[number]]
    for held in trial.hold(numbers, "after", lost=True, retries=2):
        deployment.running.stop()
        deployment.restart_server()
        for number, place, command in held:
            outcome = command.finish()
            assert outcome.code == 0, outcome
            wrong += trial.differences(number, place, outcome)
    assert not wrong, "\n".join(wrong)


def test_postgres_killed(trial, deployment):
    """The server stays, and has to find PostgreSQL again. After an answer is before the next request."""
    wrong = []
    asking = [number for number, call in enumerate(trial.calls) if asks_database(call)]
    for held in trial.hold(ends(asking), "before", lost=False):
        deployment.postgres.crash()
        ended = [(number, place, command.finish()) for number, place, command in held]
        deployment.postgres.start()
        for found in ended:
            wrong += trial.differences(*found)
    assert not wrong, "\n".join(wrong)
