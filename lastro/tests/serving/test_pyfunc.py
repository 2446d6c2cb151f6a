"""The logged model, loaded through MLflow from raw columns, gives what evaluate recorded."""

from __future__ import annotations

import subprocess
import sys

import mlflow
import numpy as np
import pyarrow.parquet as pq
import pytest

from lastro.evaluation.predictions import Predictions
from tests.serving.conftest import CASES


def test_pyfunc_answers_raw_columns_like_evaluate(logged):
    folder, paths, _ = logged
    recorded = Predictions.read(paths.predictions)
    frame = pq.read_table(paths.test).to_pandas().drop(columns=["__key__", "target"])
    answer = mlflow.pyfunc.load_model(str(folder)).predict(frame)
    assert answer["prediction"].tolist() == recorded.names(recorded.predicted).tolist()
    if recorded.labels:
        names = [f"probability_{label}" for label in recorded.labels]
        assert list(answer.columns) == ["prediction", *names]
        assert np.array_equal(answer[names].to_numpy(), recorded.scores)
    # One row at a time, in another order of columns: the same bits.
    one = mlflow.pyfunc.load_model(str(folder)).predict(frame.iloc[[3]][frame.columns[::-1]])
    assert one.iloc[0].tolist() == answer.iloc[3].tolist()


def test_native_flavour_loads(logged):
    folder, paths, family = logged
    module = mlflow.xgboost if family.flavor == "xgboost" else mlflow.sklearn
    assert module.load_model(str(folder)) is not None
    name = "model.ubj" if family.flavor == "xgboost" else "model.skops"
    assert (folder / name).read_bytes() == paths.model.read_bytes()


def test_code_of_the_author_travels_with_the_model(three):
    folder = three[0]
    assert (folder / "code" / "model" / "features.py").read_text() == "AUTHOR = True\n"


def test_unknown_category_is_refused(logged):
    folder, paths, _ = logged
    frame = pq.read_table(paths.test).to_pandas().drop(columns=["__key__", "target"])
    frame.loc[frame.index[0], "city"] = "Atlantis"
    with pytest.raises(Exception, match="row 0, column 'city': is a category"):
        mlflow.pyfunc.load_model(str(folder)).predict(frame)


@pytest.mark.parametrize("logged", [CASES[0].values], ids=[CASES[0].id], indirect=True)
def test_loaded_model_does_not_hide_the_installed_package(logged):
    code = (
        "import sys, mlflow; mlflow.pyfunc.load_model(sys.argv[1]); "
        "import lastro.cli, lastro.artifact.pyfunc; print(lastro.cli.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(logged[0])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
