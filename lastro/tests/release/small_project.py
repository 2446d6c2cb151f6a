"""A small table of a town's people, parameters that train on it in no time, and folders that hold what comes of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import yaml

from lastro.core.paths import Paths
from lastro.evaluation.evaluate import evaluate
from lastro.evaluation.predictions import Predictions
from lastro.families.catalog import load_params
from lastro.families.train import train
from lastro.operations.lineage.dvc import digest_of
from lastro.operations.registry import names
from lastro.operations.registry.client import Registry, Version
from lastro.operations.release.champion import Candidate
from lastro.operations.tracking import runs
from lastro.operations.tracking.record import record
from lastro.tables.matrix import read_columns, to_target
from lastro.tables.prepare import prepare
from lastro.tables.schema import KEY, read_schema
from tests import example
from tests.small_tables import table

SPARE = ["row", "person", "extra", "whole", "again", "level", "value"]
"""Columns that only some tests use: keys, further inputs, other targets."""
PARAMS = {
    "name": "town",
    "data.source": "data/town.csv",
    "data.ignore": SPARE,
    "model.family": "xgboost",
    "model.params": {"n_estimators": 20, "max_depth": 3},
    "gate.margin": 0.2,
}


def people() -> pa.Table:
    """400 rows; `target`, `again`, `level` and `value` can be predicted from the rest."""
    rows = table("text").drop_columns(["void", "still"])
    rng = np.random.default_rng(11)
    n = len(rows)
    more = {
        "row": range(n),
        "person": [f"p{i}" for i in range(n)],
        "extra": pa.array(rng.normal(size=n), mask=rng.random(n) < 0.2),
        "whole": rng.normal(size=n),
        "again": ["yes" if cell == "high" else "no" for cell in table("three")["target"].to_pylist()],
        "level": table("three")["target"],
        "value": table("regression")["target"],
    }
    for name, column in more.items():
        rows = rows.append_column(name, column if isinstance(column, pa.ChunkedArray) else pa.array(column))
    return rows


def retyped(rows: pa.Table) -> pa.Table:
    """With a number turned into text."""
    texts = [None if cell is None else f"n{cell}" for cell in rows["count"].to_pylist()]
    return rows.set_column(rows.column_names.index("count"), "count", pa.array(texts))


def write(rows: pa.Table, path: Path) -> Path:
    """The table as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pa.csv.write_csv(rows, path)
    return path


def write_params(root: Path, path: Path, **changes) -> None:
    """The committed params.yaml with PARAMS and `changes`, by dotted name, put in."""
    content = yaml.safe_load(example.PARAMS.read_text(encoding="utf-8"))
    for name, value in {**PARAMS, **changes}.items():
        *above, last = name.split(".")
        inner = content
        for key in above:
            inner = inner[key]
        inner[last] = value
    path.write_text(json.dumps(content), encoding="utf-8")


def keys(prepared: Path, *parts: str) -> list:
    """The keys of the parts of prepared data."""
    return [
        key for part in parts for key in read_columns(prepared / f"{part}.parquet", [KEY])[KEY].to_pylist()
    ]


class Project:
    """A folder with a table, parameters and, after `train` or `prepare`, what comes of them; without Git and DVC."""

    def __init__(self, root: Path, folder: Path, rows: pa.Table | None = None, **changes):
        write(people() if rows is None else rows, folder / "data" / "town.csv")
        (folder / "data" / "schema.json").write_text("{}")
        (folder / "requirements").symlink_to(root / "requirements")
        write_params(root, folder / "params.yaml", **changes)
        self.folder, self.paths = folder, Paths.of(folder)
        self.params = load_params(self.paths.params)

    @property
    def data(self) -> str:
        """The digest of the prepared data."""
        return digest_of(self.paths.prepared)

    def released(self, registry: Registry) -> Version:
        """Train it and register what came out."""
        prepare(self.params, self.paths)
        for stage in (train, evaluate):
            stage(self.params, self.paths)
        record(registry.store, self.paths, "evaluate")
        model = digest_of(self.paths.model)
        run = runs.find_run(registry.store, model)
        return registry.create(run.info.run_id, {names.MODEL: model, names.DATA: self.data}, "")

    def candidate(self) -> Candidate:
        """Its held-out rows, with answers that say nothing: a comparison needs the rows of the candidate only."""
        prepare(self.params, self.paths)
        schema = read_schema(self.paths.schema)
        rows = read_columns(self.paths.test)
        shape = (len(rows), len(schema.labels)) if schema.labels else len(rows)
        predictions = Predictions(
            task=schema.task,
            labels=schema.labels,
            keys=rows[KEY].to_numpy(),
            truth=to_target(rows, schema),
            scores=np.full(shape, 1 / max(1, len(schema.labels))),
        )
        return Candidate(self.params, self.paths.prepared, schema, predictions, {})
