"""The model that is to be released: its commit's parameters, held-out rows and predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from lastro.data.schema import Schema, read_schema
from lastro.evaluation.predictions import Predictions
from lastro.lineage import Lineage, repository
from lastro.models import load_params
from lastro.params.schema import Params
from lastro.paths import Paths
from lastro.registry import artifact
from lastro.registry.evaluation import own_file
from lastro.registry.restore import restore
from lastro.stages.evaluate import read_training


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
