"""Tables as files, prepared in a folder of the test's own."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from lastro.core.paths import Paths
from lastro.families.catalog import load_params
from lastro.tables.prepare import prepare
from tests import example

PARTS = ("train", "validation", "test")


class Project:
    """Writes a table and a params.yaml, runs prepare, reads what it wrote."""

    def __init__(self, folder: Path, root: Path):
        self.folder = folder
        (folder / "data").mkdir()
        (folder / "data" / "schema.json").write_text("{}")
        (folder / "params.yaml").write_text(example.PARAMS.read_text())
        self.paths = Paths.of(folder)

    def csv(self, text: str, name: str = "table.csv") -> None:
        (self.folder / name).write_text(text)

    def table(self, columns: dict, name: str = "table.csv") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write = pc.write_csv if path.suffix == ".csv" else pq.write_table
        write(pa.table(columns), path)

    def prepare(self, source: str = "table.csv", target: str = "target", **overrides) -> None:
        keys = {name.replace("__", "."): value for name, value in overrides.items()}
        prepare(
            load_params(self.paths.params, {"data.source": source, "data.target": target, **keys}), self.paths
        )

    def part(self, name: str) -> pa.Table:
        return pq.read_table(self.paths.prepared / f"{name}.parquet")

    def parts(self) -> dict[str, pa.Table]:
        return {name: self.part(name) for name in PARTS}

    def schema(self) -> dict:
        return json.loads(self.paths.schema.read_text())

    def commit_schema(self, **changes) -> None:
        """What a user does: copy the inferred schema to the committed one."""
        self.paths.committed_schema.write_text(json.dumps(self.schema() | changes))

    def feature(self, name: str) -> dict:
        return next(column for column in self.schema()["features"] if column["name"] == name)


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Project:
    return Project(tmp_path, root)


@pytest.fixture
def mixed() -> dict:
    """60 rows with every kind of column, missing values, and text labels."""
    n = 60
    return {
        "age": [None if i % 7 == 0 else i for i in range(n)],
        "weight": [i / 3 for i in range(n)],
        "smoker": [None if i % 11 == 0 else i % 2 == 0 for i in range(n)],
        "city": [None if i % 13 == 0 else ["Porto", "São Paulo", "Aveiro"][i % 3] for i in range(n)],
        "seen": [f"2026-01-{i % 28 + 1:02d}" for i in range(n)],
        "target": [["no", "yes"][i % 2] for i in range(n)],
    }
