"""The app answers the held-out rows, in every form, as evaluate recorded them and as MLflow's own server does."""

from __future__ import annotations

import json

import mlflow
import pyarrow.compute as pc
from starlette.testclient import TestClient

from lastro.evaluation.predictions import Predictions
from lastro.operations.image import verify
from lastro.serving.bodies import read
from lastro.serving.model import Model
from lastro.tables.matrix import read_columns
from lastro.tables.schema import read_schema

MAX_ROWS = 10_000


def answers(model: Model, paths):
    """Form -> rows of the answer."""
    schema = read_schema(paths.schema)
    for form, kind, body in verify.good(read_columns(paths.test), schema):
        answer, n = model.answer(read(kind, body, model.columns, MAX_ROWS))
        rows = json.loads(answer)["predictions"]
        assert len(rows) == n
        yield form, rows


def test_every_form_equals_what_evaluate_recorded(logged):
    folder, paths, _ = logged
    recorded = Predictions.read(paths.predictions)
    names = [f"probability_{label}" for label in recorded.labels]
    for form, rows in answers(Model(folder), paths):
        assert [row["prediction"] for row in rows] == recorded.names(recorded.predicted).tolist(), form
        assert [list(row) for row in rows] == [["prediction", *names]] * len(recorded), form
        if names:
            assert [[row[name] for name in names] for row in rows] == recorded.scores.tolist(), form


def test_a_row_alone_gives_the_same_bits(logged):
    folder, paths, _ = logged
    model, schema = Model(folder), read_schema(paths.schema)
    table = read_columns(paths.test)
    together = dict(answers(model, paths))
    for index in range(0, len(table), 9):
        for form, kind, body in verify.good(table.slice(index, 1), schema):
            answer, _ = model.answer(read(kind, body, model.columns, MAX_ROWS))
            assert json.loads(answer)["predictions"] == [together[form][index]], form


def test_same_bodies_as_mlflows_server(logged):
    from mlflow.pyfunc.scoring_server import init

    folder, paths, _ = logged
    model, schema = Model(folder), read_schema(paths.schema)
    stock = TestClient(init(mlflow.pyfunc.load_model(str(folder))))
    table = read_columns(paths.test)
    # Of JSON and CSV it reads a missing boolean as true or false and takes a missing text for an unknown one; ours does not.
    table = table.filter(pc.and_(pc.is_valid(table["open"]), pc.is_valid(table["city"])))
    compared = 0
    for form, kind, body in verify.good(table, schema):
        theirs = stock.post("/invocations", content=body, headers={"Content-Type": kind})
        if theirs.status_code != 200:
            # It cannot read every kind of column in every form; ours can.
            continue
        ours, _ = model.answer(read(kind, body, model.columns, MAX_ROWS))
        assert json.loads(ours) == theirs.json(), form
        compared += 1
    assert compared >= 3


def test_columns_may_come_in_any_order_and_optional_ones_may_be_left_out(model):
    record = {"city": "Porto", "size": 1.5, "still": 7.0}

    def ask(**content) -> dict:
        return json.loads(
            model.answer(read("application/json", json.dumps(content).encode(), model.columns, 9))[0]
        )

    full = {name: record.get(name) for name in model.columns.names}
    expected = ask(dataframe_records=[full])
    assert ask(dataframe_records=[record]) == expected
    assert ask(instances=[dict(reversed(record.items()))]) == expected
    assert ask(inputs={name: [value] for name, value in record.items()}) == expected
    assert (
        ask(dataframe_split={"columns": list(record), "data": [list(record.values())], "index": [4]})
        == expected
    )
    assert ask(dataframe_records=[full, record]) == {"predictions": expected["predictions"] * 2}
    csv = b"still,city,size\n7,Porto,1.5\n"
    assert json.loads(model.answer(read("text/csv", csv, model.columns, 9))[0]) == expected


def test_no_rows_are_no_predictions(model):
    for body in (
        {"dataframe_records": []},
        {"instances": []},
        {"inputs": {name: [] for name in model.columns.names}},
    ):
        assert model.answer(read("application/json", json.dumps(body).encode(), model.columns, 9)) == (
            b'{"predictions":[]}',
            0,
        )
