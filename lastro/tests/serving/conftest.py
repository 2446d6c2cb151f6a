"""Models of every family on a table with every kind of column, as they are logged."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from lastro.core.paths import Paths
from lastro.evaluation.evaluate import evaluate
from lastro.families import catalog
from lastro.families.catalog import load_params
from lastro.families.train import train
from lastro.operations.tracking.model_folder import write_model_folder
from lastro.serving.model import Model
from lastro.tables.prepare import prepare
from lastro.tables.schema import read_schema
from tests import example
from tests.small_tables import FEW, cases, table

CASES = cases(["boolean", "three", "regression"])


def log_model(root, folder, family: str, kind: str, left_out: list[str] | None = None):
    """A model folder as it is logged, with the paths of the pipeline that made it, and the family; left_out: columns."""
    (folder / "data").mkdir()
    (folder / "data" / "schema.json").write_text("{}")
    (folder / "requirements").symlink_to(root / "requirements")
    (folder / "src" / "model").mkdir(parents=True)
    (folder / "src" / "model" / "features.py").write_text("AUTHOR = True\n")
    pq.write_table(table(kind), folder / "t.parquet")
    overrides = {"data.source": "t.parquet", "model": {"family": family, "params": FEW.get(family, {})}}
    if left_out:
        overrides["data.ignore"] = left_out
    params, paths = load_params(example.PARAMS, overrides), Paths.of(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LASTRO_TRACKING", "off")
        prepare(params, paths)
        train(params, paths)
        evaluate(params, paths)
    write_model_folder(folder / "logged", paths, params, read_schema(paths.schema))
    return folder / "logged", paths, catalog.get(family)


@pytest.fixture(params=[case.values for case in CASES], ids=[case.id for case in CASES])
def logged(request, tmp_path, root):
    """See `log_model`."""
    return log_model(root, tmp_path, *request.param)


@pytest.fixture(scope="session")
def three(tmp_path_factory, root):
    """XGBoost with three classes. Do not change."""
    return log_model(root, tmp_path_factory.mktemp("three"), "xgboost", "three")


@pytest.fixture(scope="session")
def model(three) -> Model:
    """The app's view of `three`."""
    return Model(three[0])
