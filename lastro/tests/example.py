"""The template's example, which the tests work with whatever params.yaml says: in a repository with a table of its own, and
in a pull request that tries other parameters."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from lastro.tables.examples import write_example

PARAMS = Path(__file__).with_suffix(".yaml")
"""The params.yaml of the template."""


LEFT_BY_PIPELINE = ("data/prepared", "models", "reports", ".dvc/cache", ".dvc/tmp")
"""The pipeline's outputs and DVC's copies of them."""


def table(name: str, folder: Path) -> str:
    """Write a data set of scikit-learn below `folder`; its path from there."""
    path = Path("data") / f"{name}.csv"
    write_example(name, folder / path)
    return path.as_posix()


def restore(clone) -> None:
    """Put the example into a clone that is not committed yet, with a true dvc.lock and without outputs or cache."""
    source = yaml.safe_load(clone.read("params.yaml"))["data"]["source"]
    (clone.folder / f"{source}.dvc").unlink(missing_ok=True)
    (clone.folder / "dvc.lock").unlink(missing_ok=True)
    shutil.copyfile(PARAMS, clone.folder / "params.yaml")
    clone.write("data/schema.json", "{}\n")
    clone.run("dvc", "repro", "--quiet", LASTRO_TRACKING="off")
    for name in LEFT_BY_PIPELINE:
        shutil.rmtree(clone.folder / name, ignore_errors=True)
