"""The model as MLflow's python_function: raw columns in, one form of answer out, whatever the family.

`mlflow.pyfunc.load_model`, `mlflow models serve` and `mlflow models predict` come in here; the native flavours beside it
(`mlflow.xgboost.load_model`, `mlflow.sklearn.load_model`) give the bare model, which reads the encoded matrix.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Relative: in a model's folder this package has another name, so that it does not hide an installed lastro.
from .encoding import encode_frame

if TYPE_CHECKING:
    import pandas as pd


class ScoringModel:
    """A loaded model with the schema of its table."""

    def __init__(self, model: Any, predict: Any, schema: dict[str, Any]):
        self._model = model
        self._predict = predict
        self.schema = schema

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return `prediction`, and for classification `probability_LABEL` for each class; one row per row of `frame`.

        Raises:
            ValueError: a column is missing or a category unknown.
        """
        import pandas as pd

        labels = self.schema["labels"]
        scores = self._predict(
            self._model, encode_frame(frame, self.schema), self.schema["task"], len(labels)
        )
        if not labels:
            return pd.DataFrame({"prediction": scores})
        columns = {"prediction": [labels[index] for index in scores.argmax(axis=1)]}
        columns |= {f"probability_{label}": scores[:, index] for index, label in enumerate(labels)}
        return pd.DataFrame(columns)


def _load_pyfunc(path: str) -> ScoringModel:
    """MLflow calls this with the path of the model file, which its schema lies beside."""
    file = Path(path)
    schema = json.loads((file.parent / "schema.json").read_text(encoding="utf-8"))
    if file.suffix == ".ubj":
        from .native import import_xgboost, predict_xgboost

        model = import_xgboost().Booster(model_file=str(file))
        return ScoringModel(model, predict_xgboost, schema)
    import mlflow.sklearn

    from .native import predict_sklearn

    model = mlflow.sklearn.load_model(str(file.parent))
    return ScoringModel(model, predict_sklearn, schema)
