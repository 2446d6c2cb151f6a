"""Load the model that is to be released: its commit's parameters, held-out rows and predictions."""

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
from lastro.operations.lineage import git
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import artifact
from lastro.operations.registry.artifact import evaluation_file, restore
from lastro.tables.schema import Schema, read_schema


@dataclass(frozen=True)
class Candidate:
    """What the gate reads of a commit's model; `prepared` is the folder of its prepared data."""

    params: Params
    prepared: Path
    schema: Schema
    predictions: Predictions
    training: dict[str, Any]


def load_candidate(root: Path, found: Lineage, run: Run, folder: Path) -> Candidate:
    """Restore the candidate into `folder`; files of the working copy that are the commit's are used in place.

    Raises:
        LastroError: DVC cannot restore the data or the predictions.
    """
    here = Paths.of(root)
    prepared = restore(root, found.data, folder / "prepared", here.prepared)
    (folder / "params.yaml").write_text(git.show(root, found.commit, "params.yaml"), encoding="utf-8")
    predictions = evaluation_file(root, found, run, "predictions.parquet", folder)
    return Candidate(
        params=load_params(folder / "params.yaml"),
        prepared=prepared,
        schema=read_schema(prepared / "schema.json"),
        predictions=Predictions.read(predictions),
        training=read_training(artifact.download(run, "training/training.json", folder / "run")),
    )
