"""One process, no shortcuts: read, split, fit, evaluate and log the same as the pipeline, as one would write it by hand.

usage: reference.py TABLE.parquet PARAMS.json   (tracks in ./reference.db; prints nothing)
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import mlflow.xgboost
import numpy as np
import pandas as pd
import xgboost
from mlflow.models import infer_signature
from sklearn.model_selection import train_test_split

from lastro.core.params import Evaluation, Gate
from lastro.evaluation.curves import curves
from lastro.evaluation.gate import judge
from lastro.evaluation.metrics import Resampled
from lastro.evaluation.predictions import Predictions
from lastro.evaluation.summary import summarise


def main() -> None:
    settings = json.loads(Path(sys.argv[2]).read_text())
    rounds, stop = settings.pop("n_estimators"), settings.pop("early_stopping_rounds")
    frame = pd.read_parquet(sys.argv[1])
    rest, test = train_test_split(frame, test_size=0.2, stratify=frame["target"], random_state=42)
    fit, validation = train_test_split(rest, test_size=0.2, stratify=rest["target"], random_state=42)

    mlflow.set_tracking_uri("sqlite:///reference.db")
    mlflow.set_experiment("reference")
    with mlflow.start_run(), tempfile.TemporaryDirectory() as folder:
        mlflow.log_params(settings)
        inputs = frame.columns.drop("target")
        history: dict = {}
        parts = {
            name: xgboost.DMatrix(part[inputs], part["target"])
            for name, part in (("train", fit), ("validation", validation))
        }
        booster = xgboost.train(
            {**settings, "objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist"},
            parts["train"],
            rounds,
            evals=[(matrix, name) for name, matrix in parts.items()],
            early_stopping_rounds=stop,
            evals_result=history,
            verbose_eval=False,
        )
        signature = infer_signature(
            test[inputs].head(), booster.predict(xgboost.DMatrix(test[inputs].head()))
        )
        mlflow.xgboost.log_model(
            booster,
            name="model",
            signature=signature,
            pip_requirements=["mlflow==3.17.2", "xgboost-cpu==3.2.0"],
        )
        for part, values in history.items():
            for step, value in enumerate(values["logloss"]):
                mlflow.log_metric(f"{part}-logloss", value, step=step)

        probability = booster.predict(xgboost.DMatrix(test[inputs])).astype(float)
        predictions = Predictions(
            task="classification",
            labels=(0, 1),
            keys=np.arange(len(test)),
            truth=test["target"].to_numpy(),
            scores=np.stack([1 - probability, probability], axis=1),
        )
        prior = np.bincount(fit["target"]) / len(fit)
        summary = summarise(Resampled.of(predictions, Evaluation()), prior, Evaluation())
        verdict = judge(predictions, Gate(), Evaluation(), prior)
        mlflow.log_metrics({name: metric["value"] for name, metric in summary["metrics"].items()})
        mlflow.log_dict(summary, "evaluation.json")
        mlflow.log_dict(verdict.to_json(), "verdict.json")
        predictions.write(Path(folder) / "predictions.parquet")
        for name, rows in curves(predictions).items():
            table = pd.DataFrame(rows)
            table.to_csv(Path(folder) / f"{name}.csv", index=False)
            figure, axes = plt.subplots()
            axes.plot(table.iloc[:, 0], table.iloc[:, 1])
            figure.savefig(Path(folder) / f"{name}.png")
            plt.close(figure)
        mlflow.log_artifacts(folder)


if __name__ == "__main__":
    main()
