"""A cell means the same to prepare, to the app and to the model that MLflow loads, as CSV, JSON and Parquet: the same bits."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server

from lastro.artifact.columns import Columns
from lastro.artifact.errors import RefusedError
from lastro.artifact.pyfunc import ScoringModel
from lastro.artifact.text import MISSING
from lastro.cli.main import cli
from lastro.core.errors import LastroError
from lastro.core.paths import Paths
from lastro.families.catalog import load_params
from lastro.operations.image.verify import good
from lastro.serving.bodies import read
from lastro.tables.matrix import to_matrix
from lastro.tables.prepare import prepare
from lastro.tables.schema import read_schema
from tests import example
from tests.small_tables import table as small_table

DIGITS = st.sampled_from(
    ["0.1", "7", "+7", "-0", " 2.5 ", ".5", "5.", "1e3", "1E-310", "3.4e38", "0.30000000000000004"]
)
CELLS = {
    "number": (st.just("0.5"), DIGITS | st.floats(-1e38, 1e38).map(repr)),
    "whole": (st.just("3"), st.integers(-(2**53), 2**53).map(str) | st.just("0")),
    "boolean": (
        st.just("true"),
        st.sampled_from(["true", "True", "TRUE", "1", "false", "False", "FALSE", "0", " true"]),
    ),
    "date": (
        st.just("2024-02-29"),
        st.dates().map(str)
        | st.datetimes().map(str)
        | st.sampled_from(
            ["2024-02-29T10:00Z", "2024-02-29 10:00:00.5+02:00", "1969-12-31T23:59:59.999999-0330"]
        ),
    ),
    "category": (
        st.just("red"),
        st.sampled_from(
            [
                "red",
                "blue",
                "None",
                "<NA>",
                "007x",
                "São",
                "a,b;c|d",
                'quo"te',
                " padded ",
                "two\nlines",
                "0x1e",
            ]
        ),
    ),
}
"""Of each kind: the first row's cell, which decides the kind, and the others'."""
BLANKS = st.sampled_from([*sorted(MISSING), " ", " NA"])


@st.composite
def tables(draw) -> tuple[list[str], list[list[str]], str]:
    """Names, rows of texts and a delimiter."""
    n = draw(st.integers(8, 14))
    columns = {}
    for kind, (first, rest) in CELLS.items():
        more = rest | BLANKS if draw(st.booleans()) else rest
        columns[kind] = [draw(first), *(draw(more) for _ in range(n - 1))]
    return list(columns), list(zip(*columns.values(), strict=True)), draw(st.sampled_from(",;\t|"))


def as_csv(names, rows, delimiter) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([names, *rows])
    return out.getvalue().encode()


class Prepared:
    """A table that prepare has read: its matrix in the order of the rows, its typed rows and its schema."""

    def __init__(self, folder: Path, source: str):
        overrides = {"data.source": source, "data.target": "y", "data.key": "id", "data.task": "regression"}
        paths = Paths.of(folder)
        prepare(load_params(example.PARAMS, overrides), paths)
        self.schema = read_schema(paths.schema)
        parts = [
            pq.read_table(paths.prepared / f"{part}.parquet") for part in ("train", "validation", "test")
        ]
        self.rows = pa.concat_tables(parts).sort_by("__key__")
        self.matrix = to_matrix(self.rows, self.schema)
        self.plain = json.loads(self.schema.to_json())


def captured(schema: dict, frame: pd.DataFrame) -> np.ndarray:
    """The matrix that the model of MLflow would read."""
    found = []

    def predict(model, X, task, n_classes):
        found.append(X)
        return X[:, 0]

    ScoringModel(None, predict, schema).predict(frame)
    return found[0]


def same(matrix: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(matrix, expected, strict=True)


@given(tables())
def test_every_way_reads_the_same_bits(drawn):
    names, rows, delimiter = drawn
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / "data" / "schema.json").write_text("{}")
        numbered = [(*row, f"{index / 8}", str(10 + index)) for index, row in enumerate(rows)]
        (folder / "t.csv").write_bytes(as_csv([*names, "y", "id"], numbered, delimiter))
        trained = Prepared(folder, "t.csv")
        kinds = [column.kind for column in trained.schema.features]
        assert kinds == ["float", "integer", "boolean", "date", "category"]
        columns = Columns(trained.plain)
        # The app and MLflow's commands, the same text.
        body = as_csv(names, rows, delimiter)
        same(np.concatenate(list(read("text/csv", body, columns, 100))), trained.matrix)
        model = ScoringModel(None, None, trained.plain)
        same(captured(trained.plain, model.read_csv(io.StringIO(body.decode(), newline=""))), trained.matrix)
        # What was read, as a client would send it.
        for form, media, sent in good(trained.rows, trained.schema):
            if form != "csv":
                same(np.concatenate(list(read(media, sent, columns, 100))), trained.matrix)
        same(captured(trained.plain, trained.rows.to_pandas()), trained.matrix)
        # Typed, and with the schema pinned, where every text that it has is a category.
        pq.write_table(
            trained.rows.drop_columns("__key__").append_column("id", trained.rows["__key__"]),
            folder / "t.parquet",
        )
        same(Prepared(folder, "t.parquet").matrix, trained.matrix)
        (folder / "data" / "schema.json").write_text(trained.schema.to_json())
        for source in ("t.csv", "t.parquet"):
            same(Prepared(folder, source).matrix, trained.matrix)


NUMBERS = ["1", "0", "007", "1.5", "1e400", "inf", "0x1e", "1_000", "\uff15", "", " ", "-"]
DATES = ["2024-02-29", "20240229", "2024-W01-1", "2024-02-30", "2024-01-01T24:00"]
CELL = st.sampled_from([*NUMBERS, *DATES, "true", "yes", "red", "NA", "None", "NULL"])


@given(st.sampled_from(["float", "integer", "boolean", "date", "category"]), st.booleans(), CELL)
def test_what_prepare_refuses_the_app_refuses(kind, nullable, cell):
    """A pinned column: one cell is read to the same bits by both, or refused by both."""
    column = {"name": "c", "kind": kind, "nullable": nullable}
    if kind == "category":
        column["categories"] = ["NA", "red"]
    target = {"name": "y", "kind": "float", "nullable": False}
    plain = {"name": "x", "kind": "integer", "nullable": False}
    schema = {"task": "regression", "target": target, "labels": [], "features": [column, plain]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / "data" / "schema.json").write_text(json.dumps(schema))
        lines = "".join(f"{cell},{index},{index / 8},{10 + index}\n" for index in range(8))
        (folder / "t.csv").write_text("c,x,y,id\n" + lines)
        try:
            expected = Prepared(folder, "t.csv").matrix
        except LastroError:
            expected = None
        scored = schema | {"unseen_categories": "error"}
        body = "c,x\n" + "".join(f"{cell},{index}\n" for index in range(8))
        try:
            found = np.concatenate(list(read("text/csv", body.encode(), Columns(scored), 100)))
        except RefusedError:
            found = None
        try:
            loaded = captured(scored, ScoringModel(None, None, scored).read_csv(io.StringIO(body)))
        except MlflowException:
            loaded = None
    assert (expected is None, loaded is None) == (found is None,) * 2 or (kind, cell) == ("integer", "1.5")
    if expected is not None:
        same(found, expected)
        same(loaded, expected)


@pytest.fixture
def served(three, monkeypatch):
    """The model of `three` as MLflow's server and its predict command load it."""
    monkeypatch.setattr(scoring_server, "parse_csv_input", scoring_server.parse_csv_input)
    return mlflow.pyfunc.load_model(str(three[0]))


def test_mlflows_server_and_command_answer_like_the_app(served, model, tmp_path):
    schema = served.metadata.get_input_schema()
    source = small_table("three").drop_columns("target")
    for form, media, body in good(source, read_schema_of(model)):
        answer = scoring_server.invocations(body.decode(), media, served, schema)
        assert answer.status == 200, form
        expected = json.loads(model.answer(read(media, body, model.columns, 1000))[0])
        assert json.loads(answer.response) == expected, form
        if media == "text/csv":
            (tmp_path / "rows.csv").write_bytes(body)
            frame = scoring_server.parse_csv_input(str(tmp_path / "rows.csv"))
            assert served.predict(frame).to_dict("records") == expected["predictions"]


def read_schema_of(model):
    from lastro.tables.schema import read_optional_schema

    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(model.schema, file)
        file.flush()
        return read_optional_schema(Path(file.name))


@pytest.mark.parametrize("holes", [True, False])
def test_frames_of_any_types_are_scored(served, holes):
    frame = small_table("three").drop_columns("target").to_pandas()
    if not holes:
        frame = frame.dropna(subset=["size", "count", "open", "city", "since"]).reset_index(drop=True)
    answer = served.predict(frame)
    for forms in (
        {"count": "Int64", "open": "boolean"},
        {"city": "category"},
        {"city": object, "since": object},
    ):
        assert served.predict(frame.astype(forms)).equals(answer)
    if not holes:
        whole = frame.astype({"count": "int64", "open": bool, "size": "int64"})
        assert served.predict(whole).equals(served.predict(whole.astype({"size": float})))


@pytest.mark.parametrize(
    ("column", "value"),
    [("still", None), ("city", "Atlantis"), ("open", "true"), ("size", "1.5"), ("since", "soon")],
)
def test_mlflows_server_refuses_what_the_app_refuses(served, model, column, value):
    row = {
        "size": 1.0,
        "count": 2,
        "open": True,
        "city": "Porto",
        "since": "2024-02-29",
        "void": None,
        "still": 7.0,
    }
    for form in ("instances", "dataframe_records"):
        body = json.dumps({form: [row, row | {column: value}]})
        with pytest.raises(RefusedError):
            model.answer(read("application/json", body.encode(), model.columns, 10))
        with pytest.raises(MlflowException, match=f"row [01], column '{column}'") as caught:
            scoring_server.invocations(body, "application/json", served, served.metadata.get_input_schema())
        assert caught.value.get_http_status_code() == 400


def test_a_file_is_scored_as_the_app_scores_it(three, model, tmp_path, monkeypatch):
    folder, paths, _ = three
    (folder.parent / "dvc.yaml").touch()
    (folder.parent / "params.yaml").write_text(example.PARAMS.read_text())
    monkeypatch.chdir(folder.parent)
    for form, media, body in good(small_table("three").drop_columns("target"), read_schema(paths.schema)):
        if form == "csv":
            (tmp_path / "rows.csv").write_bytes(body)
            expected = json.loads(model.answer(read(media, body, model.columns, 1000))[0])["predictions"]
    table = small_table("three").append_column("id", pa.array(range(400)))
    pq.write_table(table, tmp_path / "rows.parquet")
    for source in ("rows.csv", "rows.parquet"):
        for output in ("answer.csv", "answer.parquet"):
            arguments = ["predict", str(tmp_path / source), "--output", str(tmp_path / output)]
            cli.main(arguments, standalone_mode=False)
        assert pd.read_parquet(tmp_path / "answer.parquet").to_dict("records") == expected
        assert pd.read_csv(tmp_path / "answer.csv").to_dict("records") == expected
    (tmp_path / "rows.csv").write_text("still\n7\nx\n")
    with pytest.raises(LastroError, match=r"rows.csv: row 2: column 'still' is 'x'; expected a number"):
        cli.main(["predict", str(tmp_path / "rows.csv")], standalone_mode=False)


def test_mlflow_evaluates_a_table_with_every_kind_of_column(served, tmp_path, monkeypatch):
    """As docs/mlflow.md shows it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    rows = small_table("three").to_pandas()
    with mlflow.start_run(experiment_id=mlflow.create_experiment("evaluate", (tmp_path / "files").as_uri())):
        result = mlflow.models.evaluate(
            lambda features: served.predict(features)["prediction"],
            rows,
            targets="target",
            model_type="classifier",
        )
    assert 0.5 < result.metrics["accuracy_score"] <= 1
