"""The model as MLflow's python_function: raw columns in, one form of answer out, whatever the family.

`mlflow.pyfunc.load_model`, `mlflow models serve` and `mlflow models predict` come in here; the native flavours beside it
(`mlflow.xgboost.load_model`, `mlflow.sklearn.load_model`) give the bare model, which reads the encoded matrix.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

# Relative: in a model's folder this package has another name, so that it does not hide an installed lastro.
from .columns import Columns
from .errors import RefusedError

if TYPE_CHECKING:
    import pandas as pd


class ScoringModel:
    """A loaded model with the schema of its table."""

    def __init__(self, model: Any, predict: Any, schema: dict[str, Any]):
        self._model = model
        self._predict = predict
        self.schema = schema
        self._columns = Columns(schema)

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return `prediction`, and for classification `probability_LABEL` for each class; one row per row of `frame`.

        Raises:
            MlflowException: a column is missing, or a cell is not what the schema says; as the scoring app refuses it.
        """
        import pandas as pd

        labels = self.schema["labels"]
        cells = {name: _cells(frame[name]) for name in frame.columns if name in self._columns.position}
        try:
            matrix = self._columns.from_columns(cells, len(frame))
        except RefusedError as refusal:
            raise _as_mlflow(refusal) from None
        scores = self._predict(self._model, matrix, self.schema["task"], len(labels))
        if not labels:
            return pd.DataFrame({"prediction": scores})
        columns = {"prediction": [labels[index] for index in scores.argmax(axis=1)]}
        columns |= {f"probability_{label}": scores[:, index] for index, label in enumerate(labels)}
        return pd.DataFrame(columns)

    def read_csv(self, csv_input: str | IO[str], schema: Any = None) -> pd.DataFrame:
        """Read a CSV, a path or a stream, as the scoring app does; in place of MLflow's `parse_csv_input`.

        Raises:
            MlflowException: it is not what the schema says.
        """
        import pandas as pd

        body = csv_input.read().encode() if hasattr(csv_input, "read") else Path(csv_input).read_bytes()
        try:
            blocks = [pd.DataFrame(block, dtype=object) for _, block in self._columns.read_csv(body)]
        except RefusedError as refusal:
            raise _as_mlflow(refusal) from None
        return pd.concat(blocks, ignore_index=True)


def _cells(column: pd.Series) -> list[Any]:
    """The cells as Python's own objects, None where one is missing."""
    cells = column.astype(object).where(column.notna(), None).tolist()
    return [_plain(cell) for cell in cells] if column.dtype == object else cells


def _plain(cell: Any) -> Any:
    if isinstance(cell, Decimal):
        return float(cell)
    return cell.item() if hasattr(cell, "dtype") else cell


def _as_mlflow(refusal: RefusedError) -> Exception:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import BAD_REQUEST

    return MlflowException(refusal.message, error_code=BAD_REQUEST)


def _load_pyfunc(path: str) -> ScoringModel:
    """MLflow calls this with the path of the model file, which its schema lies beside."""
    file = Path(path)
    schema = json.loads((file.parent / "schema.json").read_text(encoding="utf-8"))
    if file.suffix == ".ubj":
        from .native import import_xgboost, predict_xgboost

        loaded = ScoringModel(import_xgboost().Booster(model_file=str(file)), predict_xgboost, schema)
    else:
        import mlflow.sklearn

        from .native import predict_sklearn

        loaded = ScoringModel(mlflow.sklearn.load_model(str(file.parent)), predict_sklearn, schema)
    # For `mlflow models predict` and `serve`: pandas would read the category None, or NA, as missing and 007 as 7, and nothing
    # in its frame says so.
    if server := sys.modules.get("mlflow.pyfunc.scoring_server"):
        server.parse_csv_input = loaded.read_csv
    return loaded
