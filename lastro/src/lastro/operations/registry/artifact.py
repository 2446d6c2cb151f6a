"""The model as the tracking store holds it: fetched, and believed only with the digest that was asked for."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.lineage.dvc import file_md5
from lastro.operations.tracking.store import describe

FOLDER = "model"
"""Where a run keeps its model."""


@dataclass(frozen=True)
class Artifact:
    """The verified model file and the MLmodel beside it, in a folder of the caller's.

    Attributes:
        file: the model file, whose MD5 is right.
        description: the content of MLmodel.
    """

    file: Path
    description: dict[str, Any]

    @cached_property
    def family(self) -> str:
        """The model family, as in params.yaml."""
        return self.description["metadata"]["lastro.family"]


def fetch(run: Run, model: str, folder: Path) -> Artifact:
    """Download MLmodel and the model file of the run into `folder` and check the file's MD5 against `model`.

    Raises:
        LastroError: the file is missing, or has another digest.
        ExternalError: the store does not answer.
    """
    fix = (
        "restore it from the store's backup; or, where dvc.lock can still bring the model back, delete its version and "
        f"`mlflow runs delete --run-id {run.info.run_id}`, then run lastro register"
    )
    try:
        content = yaml.safe_load(download(run, f"{FOLDER}/MLmodel", folder).read_text(encoding="utf-8"))
        name = f"{FOLDER}/{content['flavors']['python_function']['data']}"
        file = download(run, name, folder)
        # What is read of it later.
        _ = content["metadata"]["lastro.family"], content["signature"]
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError):
        raise LastroError("is not what was logged", where=_shown(run, f"{FOLDER}/MLmodel"), fix=fix) from None
    except MissingArtifactError as error:
        raise LastroError(error.problem, where=error.where, fix=fix) from None
    found = file_md5(file)
    if found != model:
        raise LastroError(
            f"has MD5 {found}, dvc.lock has {model}: it was altered", where=_shown(run, name), fix=fix
        )
    return Artifact(file, content)


def fetch_folder(run: Run, model: str, folder: Path) -> Path:
    """Download the whole model folder of the run into `folder`, once `fetch` has checked the model; return its path."""
    fetch(run, model, folder / "checked")
    return download(run, FOLDER, folder)


class MissingArtifactError(LastroError):
    """The store has no such file."""


def download(run: Run, path: str, folder: Path) -> Path:
    """Download one file, or folder, of a run into `folder`; return its path.

    Raises:
        MissingArtifactError: there is no such file.
        ExternalError: the store does not answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # MLflow draws a progress bar on standard error.
        with contextlib.redirect_stderr(io.StringIO()):
            # By artifact_uri: with runs:/ MLflow reports a server that died as a missing file.
            return Path(download_artifacts(f"{run.info.artifact_uri}/{path}", dst_path=str(folder)))
    except (MlflowException, OSError) as error:
        if _MISSING.search(str(error)) or isinstance(error, FileNotFoundError):
            raise MissingArtifactError("is not in the tracking store", where=_shown(run, path)) from None
        raise ExternalError(
            f"cannot be downloaded: {describe(error)}",
            where=_shown(run, path),
            fix="run the same command again",
        ) from None


_MISSING = re.compile("404 Client Error|No such file or directory|No such artifact|NoSuchKey|does not exist")


def _shown(run: Run, path: str) -> str:
    return f"runs:/{run.info.run_id}/{path}"
