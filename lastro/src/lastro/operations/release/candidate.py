"""The model that is to be released: its commit's parameters, held-out rows and predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from lastro.core.params import Params
from lastro.core.paths import Paths
from lastro.evaluation.evaluate import read_training
from lastro.evaluation.predictions import Predictions
from lastro.families.catalog import load_params
from lastro.operations.lineage import repository
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import artifact
from lastro.operations.registry.evaluation import own_file
from lastro.operations.registry.restore import restore
from lastro.tables.schema import Schema, read_schema


@dataclass(frozen=True)
class Candidate:
    """What the gate needs to know of a commit's model.

    Attributes:
        prepared: a folder with the prepared data that the commit's dvc.lock names.
    """

    params: Params
    prepared: Path
    schema: Schema
    predictions: Predictions
    training: dict[str, Any]


def load_candidate(root: Path, found: Lineage, run: Run, folder: Path) -> Candidate:
    """Restore it into `folder`; what the working copy holds already is used where it is.

    Raises:
        LastroError: DVC does not bring back the data, or the predictions where the run has another evaluation's.
    """
    here = Paths.of(root)
    prepared = restore(root, found.data, folder / "prepared", here.prepared)
    (folder / "params.yaml").write_text(repository.show(root, found.commit, "params.yaml"), encoding="utf-8")
    predictions = own_file(root, found, run, "predictions.parquet", folder)
    return Candidate(
        params=load_params(folder / "params.yaml"),
        prepared=prepared,
        schema=read_schema(prepared / "schema.json"),
        predictions=Predictions.read(predictions),
        training=read_training(artifact.download(run, "training/training.json", folder / "run")),
    )
