"""Whether an image may be published: it answers the held-out rows as evaluate recorded them, and refuses what it must."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests

from lastro.core.docker import docker, inspect
from lastro.evaluation.predictions import Predictions
from lastro.operations.image import cases
from lastro.operations.image.container import Container, NoAnswerError, running
from lastro.operations.image.subject import Subject
from lastro.operations.registry.artifact import fetch_folder
from lastro.operations.release.champion import Candidate, load_candidate
from lastro.tables.matrix import read_columns
from lastro.tables.schema import KEY


@dataclass(frozen=True)
class Check:
    """One line of the table."""

    name: str
    passed: bool
    detail: str


def verify(root: Path, image: str, subject: Subject) -> tuple[str, list[Check]]:
    """Run every check; return them with the image's id.

    Raises:
        LastroError: no such image, or the data and predictions to compare with cannot be restored.
        ExternalError: Docker fails, or the container does not answer.
    """
    found = inspect(image)
    checks = [*_check_description(found, subject)]
    with tempfile.TemporaryDirectory(prefix="lastro-verify-") as name:
        folder = Path(name)
        candidate = load_candidate(root, subject.lineage, subject.run, folder)
        model = fetch_folder(subject.run, subject.lineage.model, folder / "model")
        example = json.loads((model / "input_example.json").read_bytes())
        # By its id: nobody can put another image under the name meanwhile.
        with running(found["Id"]) as container:
            checks.append(Check("first answer", True, f"{container.seconds:.2f} s after docker run"))
            try:
                checks.append(_check_version(container, subject))
                checks += _check_predictions(container, candidate)
                checks.append(_check_refusals(container, candidate, example))
                checks.append(_memory(container))
            except NoAnswerError as error:
                checks.append(Check("answers", False, str(error)))
                return found["Id"], checks
        with running(found["Id"], "--cpus=0.5") as container:
            checks.append(_check_stop(container))
    return found["Id"], checks


def _check_description(image: dict[str, Any], subject: Subject) -> Iterator[Check]:
    config = image["Config"]
    yield _check_equal("labels", subject.differing_labels(image), "name commit, digests and version")
    user = config.get("User") or "root"
    yield Check("user", user.partition(":")[0].isdigit() and not user.startswith("0"), user)
    health = bool(config.get("Healthcheck"))
    yield Check("health check", health, "declared" if health else "none")
    yield Check("size", True, f"{image['Size'] / 1e6:.0f} MB on disk")


def _check_equal(name: str, differing: list[str], otherwise: str) -> Check:
    return Check(name, not differing, f"differs: {', '.join(differing)}" if differing else otherwise)


def _check_version(container: Container, subject: Subject) -> Check:
    found = container.request("GET", "/version").json()
    wrong = [key for key, value in subject.to_json().items() if found.get(key) != value]
    return _check_equal("/version", wrong, "is this version")


def _check_predictions(container: Container, candidate: Candidate) -> Iterator[Check]:
    table = read_columns(candidate.prepared / "test.parquet")
    recorded = candidate.predictions
    place = {key: index for index, key in enumerate(recorded.keys.tolist())}
    order = np.array([place[key] for key in table[KEY].to_numpy().tolist()])
    wrong: dict[str, int] = {}
    for first in range(0, len(table), cases.ROWS):
        part = table.slice(first, cases.ROWS)
        expected = _rows(recorded.take(order[first : first + len(part)]))
        for form, kind, body in cases.good(part, candidate.schema):
            answer = _post(container, kind, body)
            wrong[form] = wrong.get(form, 0) + _differences(answer, expected)
    for form, count in wrong.items():
        detail = f"{len(table)} held-out rows, " + (f"{count} differ" if count else "equal to the last bit")
        yield Check(form, count == 0, detail)


def _rows(recorded: Predictions) -> list[dict[str, Any]]:
    """Build the answer that the recorded predictions stand for."""
    rows = [{"prediction": name} for name in recorded.names(recorded.predicted).tolist()]
    if recorded.labels:
        names = [f"probability_{label}" for label in recorded.labels]
        for row, scores in zip(rows, recorded.scores.tolist(), strict=True):
            row.update(zip(names, scores, strict=True))
    return rows


def _differences(answer: requests.Response, expected: list[dict[str, Any]]) -> int:
    """Count the rows whose answer is not what was recorded, to the last bit."""
    rows = answer.json()["predictions"] if answer.status_code == 200 else []
    if len(rows) != len(expected):
        return len(expected)
    return sum(row != recorded for row, recorded in zip(rows, expected, strict=True))


def _check_refusals(container: Container, candidate: Candidate, example: dict[str, Any]) -> Check:
    answers = {
        problem: _post(container, kind, body) for problem, kind, body in cases.bad(candidate.schema, example)
    }
    wrong = [
        f"{problem} ({answer.status_code})"
        for problem, answer in answers.items()
        if not 400 <= answer.status_code < 500 or answer.headers["Content-Type"] != "application/json"
    ]
    detail = f"answered: {', '.join(wrong)}" if wrong else f"{len(answers)} kinds refused"
    return Check("bad requests", not wrong, detail)


def _post(container: Container, kind: str | None, body: bytes) -> requests.Response:
    headers = {"Content-Type": kind} if kind else {}
    return container.request("POST", "/invocations", data=body, headers=headers)


def _memory(container: Container) -> Check:
    used = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container.id).partition("/")[0].strip()
    return Check("memory", True, f"{used} after all that")


def _check_stop(container: Container) -> Check:
    docker("stop", "--time", "20", container.id)
    code = docker("wait", container.id).strip()
    return Check("stops", code == "0", f"exit code {code} after SIGTERM")
