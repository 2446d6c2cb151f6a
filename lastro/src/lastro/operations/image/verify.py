"""Whether an image may be published: it answers the held-out rows as evaluate recorded them, and refuses what it must."""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import requests

from lastro.core.docker import HARDENED, PORT, docker, inspect
from lastro.core.errors import ExternalError, LastroError
from lastro.evaluation.predictions import Predictions
from lastro.operations.image.subject import Subject
from lastro.operations.registry.artifact import fetch_folder
from lastro.operations.release.champion import Candidate, load_candidate
from lastro.tables.matrix import read_columns
from lastro.tables.schema import KEY, Schema

JSON, CSV = "application/json", "text/csv"
ROWS = 1_000
"""Of one request."""
TIMEOUT = 180
"""Seconds until the first answer, and for each later one."""


class Check(NamedTuple):
    """One line of the table."""

    name: str
    passed: bool
    detail: str


def verify(root: Path, image: str, subject: Subject) -> tuple[str, list[Check]]:
    """Run every check; return them with the image's id.

    Raises:
        LastroError: no such image, or the data and predictions to compare with cannot be restored.
    """
    found = inspect(image)
    checks = list(_check_description(found, subject))
    with tempfile.TemporaryDirectory(prefix="lastro-verify-") as name:
        folder = Path(name)
        candidate = load_candidate(root, subject.lineage, subject.run, folder)
        model = fetch_folder(subject.run, subject.lineage.model, folder / "model")
        example = json.loads((model / "input_example.json").read_bytes())
        # By its id: nobody can put another image under the name meanwhile.
        with running(found["Id"]) as container:
            checks.append(Check("first answer", True, f"{container.seconds:.2f} s after docker run"))
            try:
                told = container.request("GET", "/version").json()
                wrong = [key for key, value in subject.to_json().items() if told.get(key) != value]
                checks.append(_check_equal("/version", wrong, "is this version"))
                checks += _check_predictions(container, candidate)
                checks.append(_check_refusals(container, candidate, example))
                stats = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container.id)
                checks.append(Check("memory", True, f"{stats.partition('/')[0].strip()} after all that"))
            except NoAnswerError as error:
                checks.append(Check("answers", False, str(error)))
                return found["Id"], checks
        with running(found["Id"], "--cpus=0.5") as container:
            docker("stop", "--time", "20", container.id)
            code = docker("wait", container.id).strip()
            checks.append(Check("stops", code == "0", f"exit code {code} after SIGTERM"))
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


def _check_predictions(container: Container, candidate: Candidate) -> Iterator[Check]:
    table = read_columns(candidate.prepared / "test.parquet")
    recorded = candidate.predictions
    place = {key: index for index, key in enumerate(recorded.keys.tolist())}
    order = np.array([place[key] for key in table[KEY].to_numpy().tolist()])
    wrong: dict[str, int] = {}
    for first in range(0, len(table), ROWS):
        part = table.slice(first, ROWS)
        expected = _rows(recorded.take(order[first : first + len(part)]))
        for form, kind, body in good(part, candidate.schema):
            answer = container.request("POST", "/invocations", kind, body)
            rows = answer.json()["predictions"] if answer.status_code == 200 else []
            same = sum(row == recorded for row, recorded in zip(rows, expected, strict=False))
            differ = len(expected) - same if len(rows) == len(expected) else len(expected)
            wrong[form] = wrong.get(form, 0) + differ
    for form, count in wrong.items():
        found = f"{count} differ" if count else "equal to the last bit"
        yield Check(form, count == 0, f"{len(table)} held-out rows, {found}")


def _rows(recorded: Predictions) -> list[dict[str, Any]]:
    """Build the answer that the recorded predictions stand for."""
    names = ["prediction", *(f"probability_{label}" for label in recorded.labels)]
    columns = [recorded.names(recorded.predicted), *(recorded.score_columns if recorded.labels else ())]
    return [dict(zip(names, row, strict=True)) for row in zip(*(c.tolist() for c in columns), strict=True)]


def _check_refusals(container: Container, candidate: Candidate, example: dict[str, Any]) -> Check:
    requested, wrong = list(bad(candidate.schema, example)), []
    for problem, kind, body in requested:
        answer = container.request("POST", "/invocations", kind, body)
        if not 400 <= answer.status_code < 500 or answer.headers["Content-Type"] != JSON:
            wrong.append(f"{problem} ({answer.status_code})")
    detail = f"answered: {', '.join(wrong)}" if wrong else f"{len(requested)} kinds refused"
    return Check("bad requests", not wrong, detail)


def good(table: pa.Table, schema: Schema) -> Iterator[tuple[str, str, bytes]]:
    """Write a slice of held-out rows in every form: (form, content type, body)."""
    columns = {column.name: _plain(table[column.name], column.kind) for column in schema.features}
    names = list(columns)
    cells = list(zip(*columns.values(), strict=True))
    records = [dict(zip(names, row, strict=True)) for row in cells]
    yield "dataframe_split", JSON, _json({"dataframe_split": {"columns": names, "data": cells}})
    yield "dataframe_records", JSON, _json({"dataframe_records": records})
    yield "instances", JSON, _json({"instances": records})
    yield "inputs", JSON, _json({"inputs": columns})
    # Where an empty text is a category, CSV cannot tell it from what is missing.
    if not any(column.nullable and "" in (column.categories or ()) for column in schema.features):
        types = {"date": pa.string(), "float": pa.float64(), "integer": pa.float64()}
        fields = [pa.field(c.name, types.get(c.kind, table[c.name].type)) for c in schema.features]
        sink = io.BytesIO()
        pyarrow.csv.write_csv(pa.table(columns, schema=pa.schema(fields)), sink)
        yield "csv", CSV, sink.getvalue()


def bad(schema: Schema, example: dict[str, Any]) -> Iterator[tuple[str, str | None, bytes]]:
    """Write requests that the app has to refuse: (what is wrong, content type, body)."""
    names, row = example["columns"], example["data"][0]
    split = {"columns": names, "data": [row]}
    unknown = dict(zip(names, row, strict=True)) | {"no such": 1}
    yield "no JSON", JSON, b"{"
    yield "no content type", None, _json({"dataframe_split": split})
    yield "another content type", "text/html", _json({"dataframe_split": split})
    yield "two forms", JSON, _json({"dataframe_split": split, "instances": []})
    yield "deep nesting", JSON, b'{"instances":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    yield "params", JSON, _json({"dataframe_split": split, "params": {"a": 1}})
    yield "an unknown column", JSON, _json({"instances": [unknown]})
    yield "a ragged row", JSON, _json({"dataframe_split": {"columns": names, "data": [[*row, 1]]}})
    yield "a list as a cell", JSON, _json({"dataframe_split": {"columns": names, "data": [[[]] * len(row)]}})
    if any(not column.nullable for column in schema.features):
        yield "a missing column", JSON, _json({"instances": [{}]})
        yield "a missing value", JSON, _json({"inputs": {name: [None] for name in names}})
    numbers = [column.name for column in schema.features if column.kind in ("float", "integer")]
    if numbers:
        at = names.index(numbers[0])
        head = b'{"dataframe_split":{"columns":' + _json(names) + b',"data":[['
        cells = {"Infinity": b"Infinity", "a number beyond range": b"1e400", "text for a number": b'"x"'}
        for problem, cell in cells.items():
            line = b",".join(cell if i == at else _json(value) for i, value in enumerate(row))
            yield problem, JSON, head + line + b"]]}}"


def _plain(column: pa.ChunkedArray, kind: str) -> list[Any]:
    if kind == "date":
        return [None if cell is None else cell.isoformat() for cell in column.to_pylist()]
    if kind in ("float", "integer"):
        # NaN is how a missing number may stand in prepared data; JSON has null.
        return pc.cast(column, pa.float64(), safe=False).to_pylist()
    return column.to_pylist()


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


ENDED = "the container ended before it answered /ping"


class NoAnswerError(ExternalError):
    """The container gave no answer: it ended, or hangs."""


class Container(NamedTuple):
    """A running container. seconds: from `docker run` to its first answer."""

    id: str
    url: str
    seconds: float

    def request(
        self, method: str, path: str, kind: str | None = None, body: bytes | None = None
    ) -> requests.Response:
        """Send an HTTP request to the app, with a body of this content type."""
        headers, url = {"Content-Type": kind} if kind else {}, f"{self.url}{path}"
        try:
            return requests.request(method, url, timeout=TIMEOUT, data=body, headers=headers)
        except requests.RequestException as error:
            raise _no_answer(self.id, f"no answer to {method} {path} ({type(error).__name__})") from None


@contextmanager
def running(image: str, *options: str) -> Iterator[Container]:
    """Start a container, wait for /ping, remove it afterwards."""
    begun, url = time.monotonic(), ""
    name = docker("run", "--detach", *HARDENED, f"--publish=127.0.0.1::{PORT}", *options, image).strip()
    try:
        with suppress(LastroError, IndexError):
            port = docker("port", name, str(PORT)).strip().splitlines()[0].rpartition(":")[2]
            url = f"http://127.0.0.1:{port}"
        if not url:
            raise _no_answer(name, ENDED)
        _wait(name, url, begun)
        yield Container(name, url, time.monotonic() - begun)
    finally:
        with suppress(ExternalError):
            docker("rm", "--force", name)


def _wait(name: str, url: str, begun: float) -> None:
    while time.monotonic() - begun < TIMEOUT:
        with suppress(requests.RequestException):
            if requests.get(f"{url}/ping", timeout=5).status_code == 200:
                return
        if docker("inspect", "--format", "{{.State.Running}}", name).strip() != "true":
            raise _no_answer(name, ENDED)
        time.sleep(0.02)
    raise _no_answer(name, f"the container did not answer /ping in {TIMEOUT} s")


def _no_answer(name: str, problem: str) -> NoAnswerError:
    lines = docker("logs", "--tail", "5", name).strip().splitlines()
    return NoAnswerError(f"{problem}; its log ends: {' | '.join(lines) or 'with nothing'}")
