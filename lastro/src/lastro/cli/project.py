"""Run an entry point of MLproject: `python -m lastro.cli.project train --max_depth 4 --gamma params.yaml`."""

from __future__ import annotations

import os
import subprocess
import sys

from lastro.core.errors import ExternalError, LastroError, exit_with_message
from lastro.core.paths import find_root
from lastro.operations.lineage.dvc import run_dvc

UNCHANGED = "params.yaml"
"""The default of each parameter in MLproject: the value that params.yaml has, or the family's own."""


def run(entry_point: str, given: list[str]) -> None:
    """Run a trial where a hyperparameter is given to main or train, which touches no file; else the pipeline.

    Raises:
        LastroError: an unknown entry point.
    """
    pairs = zip(given[::2], given[1::2], strict=True)
    options = [f"{name.replace('_', '-')}={value}" for name, value in pairs if value != UNCHANGED]
    stages = {"main": (), "train": ("train",), "evaluate": ("evaluate",)}
    if entry_point not in stages:
        raise LastroError("no such entry point", where=entry_point, fix=f"expected {', '.join(stages)}")
    if options:
        sys.exit(subprocess.run([sys.executable, "-m", "lastro.cli", "train", *options]).returncode)
    if run_dvc(find_root(), "repro", *stages[entry_point]):
        raise ExternalError("failed, see above", where=f"dvc repro {' '.join(stages[entry_point])}")


def main() -> None:
    # Set by `mlflow run`, for code that logs into the project's own run; ours are found by the model's digest.
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        os.environ.pop(name, None)
    run(sys.argv[1], sys.argv[2:])


if __name__ == "__main__":
    exit_with_message(main)
