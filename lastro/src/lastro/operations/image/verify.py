"""Whether an image may be published: it answers the held-out rows as evaluate recorded them, and refuses what it must."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lastro.core.errors import LastroError
from lastro.evaluation.predictions import Predictions
from lastro.operations.image import cases
from lastro.operations.image.container import Container, SilentError, running
from lastro.operations.image.docker import docker, inspect
from lastro.operations.image.subject import Subject, download_model
from lastro.operations.release.candidate import Candidate, load_candidate
from lastro.tables.matrix import read_columns
from lastro.tables.schema import KEY


@dataclass(frozen=True)
class Check:
    """One line of the table."""

    name: str
    passed: bool
    detail: str


def verify(root: Path, image: str, subject: Subject) -> tuple[str, list[Check]]:
    """The image's id and every check.

    Raises:
        LastroError: no such image, or the data and predictions to hold it against cannot be restored.
        ExternalError: Docker fails, or the container does not answer.
    """
    known = inspect(image)
    checks = [*_described(known, subject)]
    with tempfile.TemporaryDirectory(prefix="lastro-verify-") as name:
        folder = Path(name)
        candidate = load_candidate(root, subject.lineage, subject.run, folder)
        example = json.loads((download_model(subject, folder / "model") / "input_example.json").read_bytes())
        # By its id: nobody can put another image under the name meanwhile.
        with running(known["Id"]) as container:
            checks.append(Check("first answer", True, f"{container.seconds:.2f} s after docker run"))
            try:
                checks.append(_says_who_it_is(container, subject))
                checks += _equal(container, candidate)
                checks += _refuses(container, candidate, example)
                checks.append(_memory(container))
            except SilentError as error:
                checks.append(Check("answers", False, str(error)))
                return known["Id"], checks
        with running(known["Id"], "--cpus=0.5") as container:
            checks.append(_drains(container))
    return known["Id"], checks


def _described(known: dict[str, Any], subject: Subject) -> Iterator[Check]:
    config = known["Config"]
    labels = config.get("Labels") or {}
    wrong = [key for key, value in subject.labels().items() if value and labels.get(key) != value]
    yield Check(
        "labels", not wrong, f"differ: {', '.join(wrong)}" if wrong else "name commit, digests and version"
    )
    user = config.get("User") or "root"
    yield Check("user", user.partition(":")[0].isdigit() and not user.startswith("0"), user)
    yield Check(
        "health check", bool(config.get("Healthcheck")), "declared" if config.get("Healthcheck") else "none"
    )
    yield Check("size", True, f"{known['Size'] / 1e6:.0f} MB on disk")


def _says_who_it_is(container: Container, subject: Subject) -> Check:
    said = container.request("GET", "/version").json()
    wrong = [key for key, value in subject.to_json().items() if said.get(key) != value]
    return Check("/version", not wrong, f"differs: {', '.join(wrong)}" if wrong else "is this version")


def _equal(container: Container, candidate: Candidate) -> Iterator[Check]:
    table = read_columns(candidate.prepared / "test.parquet")
    recorded = candidate.predictions
    place = {key: index for index, key in enumerate(recorded.keys.tolist())}
    order = np.array([place[key] for key in table[KEY].to_numpy().tolist()])
    wrong: dict[str, int] = {}
    for first in range(0, len(table), cases.ROWS):
        part = table.slice(first, cases.ROWS)
        expected = recorded.take(order[first : first + len(part)])
        for form, kind, body in cases.good(part, candidate.schema):
            answer = container.request("POST", "/invocations", data=body, headers={"Content-Type": kind})
            wrong[form] = wrong.get(form, 0) + _differences(answer, expected)
    for form, count in wrong.items():
        detail = f"{len(table)} held-out rows, " + (f"{count} differ" if count else "equal to the last bit")
        yield Check(form, count == 0, detail)


def _differences(answer: Any, expected: Predictions) -> int:
    """Rows whose answer is not what was recorded, to the last bit."""
    if answer.status_code != 200:
        return len(expected)
    rows = answer.json()["predictions"]
    if len(rows) != len(expected):
        return len(expected)
    if expected.task == "regression":
        return int(
            sum(
                row.get("prediction") != score
                for row, score in zip(rows, expected.scores.tolist(), strict=True)
            )
        )
    names = [f"probability_{label}" for label in expected.labels]
    predicted = expected.scores.argmax(axis=1)
    return sum(
        # Another image may have other classes.
        [row.get(name) for name in names] != scores or row.get("prediction") != expected.labels[chosen]
        for row, scores, chosen in zip(rows, expected.scores.tolist(), predicted, strict=True)
    )


def _refuses(container: Container, candidate: Candidate, example: dict[str, Any]) -> Iterator[Check]:
    passed, wrong = 0, []
    for what, kind, body in cases.bad(candidate.schema, example):
        answer = container.request(
            "POST", "/invocations", data=body, headers={"Content-Type": kind} if kind else {}
        )
        ok = 400 <= answer.status_code < 500 and answer.headers["Content-Type"] == "application/json"
        passed += ok
        wrong += [] if ok else [f"{what} ({answer.status_code})"]
    yield Check(
        "bad requests", not wrong, f"answered: {', '.join(wrong)}" if wrong else f"{passed} kinds refused"
    )


def _memory(container: Container) -> Check:
    used = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container.id).partition("/")[0].strip()
    return Check("memory", True, f"{used} after all that")


def _drains(container: Container) -> Check:
    docker("stop", "--time", "20", container.id)
    code = docker("inspect", "--format", "{{.State.ExitCode}}", container.id).strip()
    return Check("stops", code == "0", f"exit code {code} after SIGTERM")


def record_passed(root: Path, image_id: str) -> None:
    """Remember that the image with this id passed; `lastro image push` asks for it."""
    place = _record(root, image_id)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()


def has_passed(root: Path, image_id: str) -> bool:
    """Whether `record_passed` was called for it in this clone."""
    return _record(root, image_id).exists()


def _record(root: Path, image_id: str) -> Path:
    if not image_id.startswith("sha256:"):
        raise LastroError("is no id of an image, expected sha256: and 64 hexadecimal digits", where=image_id)
    # Below DVC's folder for what is of this machine only.
    return root / ".dvc" / "tmp" / "lastro-verified" / image_id.removeprefix("sha256:")
