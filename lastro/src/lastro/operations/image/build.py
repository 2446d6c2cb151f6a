"""From a registered version to the image: MLflow builds one, the Dockerfile derives the published one from it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import yaml

from lastro.core.docker import docker, inspect
from lastro.core.errors import ExternalError, LastroError
from lastro.core.paths import Paths
from lastro.operations.image.subject import Subject
from lastro.operations.registry.artifact import fetch_folder
from lastro.operations.tracking.model_folder import PACKAGE, copy_package

MODEL_FILES = ("MLmodel", "model.ubj", "model.skops", "schema.json", "input_example.json", "requirements.txt")

BASE = """FROM {slim}
COPY constraints.txt /etc/lastro-constraints.txt
ENV PIP_CONSTRAINT=/etc/lastro-constraints.txt PIP_NO_CACHE_DIR=1 MLFLOW_DISABLE_TELEMETRY=true
"""
STOCK = """import sys, mlflow.models
mlflow.models.build_docker(model_uri=sys.argv[1], name=sys.argv[2], env_manager='local', base_image=sys.argv[3])
"""


def build(root: Path, subject: Subject, tag: str, no_cache: bool = False) -> str:
    """Build the image, name it `tag` and return its id. What Docker prints goes to standard error.

    Raises:
        LastroError: the model is not the registered one, or its Python has no image python:X.Y.Z-slim.
    """
    with tempfile.TemporaryDirectory(prefix="lastro-image-") as name:
        folder = Path(name)
        model = fetch_folder(subject.run, subject.lineage.model, folder / "model")
        description = yaml.safe_load((model / "MLmodel").read_text(encoding="utf-8"))
        slim = f"python:{description['flavors']['python_function']['python_version']}-slim"
        stock = build_stock(root, model, slim, subject.lineage.model)
        context = write_context(root, subject, model, folder / "context")
        flavor = "xgboost" if "xgboost" in description["flavors"] else "sklearn"
        epoch = int(datetime.fromisoformat(subject.created).timestamp())
        arguments = {"BASE": slim, "MODEL_IMAGE": stock, "FLAVOR": flavor, "EPOCH": str(epoch)}
        options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        options += [f"--label={key}={value}" for key, value in subject.labels().items() if value]
        options += ["--no-cache"] if no_cache else []
        docker("build", "--target", "scoring", "--tag", tag, *options, ".", shown=True, cwd=context)
    return inspect(tag)["Id"]


def build_stock(root: Path, model: Path, slim: str, digest: str) -> str:
    """Build the image of `mlflow models build-docker`, its packages pinned by the runtime lock; return its name."""
    pins = constraints(Paths.of(root).lock)
    key = hashlib.sha256(f"{slim}\n{pins}".encode()).hexdigest()[:12]
    # MLflow takes a name that begins with python: for a slim Python and builds on it as it is.
    base = f"python:lastro-{key}"
    with tempfile.TemporaryDirectory(prefix="lastro-base-") as name:
        folder = Path(name)
        (folder / "constraints.txt").write_text(pins, encoding="utf-8")
        (folder / "Dockerfile").write_text(BASE.format(slim=slim), encoding="utf-8")
        try:
            docker("build", "--tag", base, ".", shown=True, cwd=folder)
        except ExternalError as error:
            error.fix = f"the image {slim} must be there, or be pulled"
            raise
    name = f"lastro-stock:{digest[:12]}-{key}"
    done = subprocess.run([sys.executable, "-c", STOCK, str(model), name, base], stdout=2, check=False)
    if done.returncode:
        raise ExternalError("failed, see above", where="mlflow models build-docker")
    return name


def constraints(lock: Path) -> str:
    """Read the pins of a lock file without its hashes, which pip does not take as constraints."""
    pins = re.findall(r"^([A-Za-z0-9._-]+==[^\\\n]+?)\s*\\?$", lock.read_text(encoding="utf-8"), re.MULTILINE)
    if not pins:
        raise LastroError("pins no package", where=lock, fix="run make lock")
    return "\n".join(pins) + "\n"


def write_context(root: Path, subject: Subject, model: Path, context: Path) -> Path:
    """Write the folder that the Dockerfile copies from."""
    context.mkdir(parents=True)
    ours = (
        root / "Dockerfile",
        root / "requirements" / "scoring.lock",
        Path(__file__).with_name("collect.py"),
    )
    for path in ours:
        shutil.copy(path, context)
    copy_package(context / "site" / PACKAGE, "artifact", "serving")
    if (model / "code" / "model").is_dir():
        shutil.copytree(model / "code" / "model", context / "site" / "model")
    (context / "model").mkdir()
    for name in MODEL_FILES:
        if (model / name).exists():
            shutil.copy(model / name, context / "model")
    text = json.dumps(subject.to_json(), indent=1) + "\n"
    (context / "release.json").write_text(text, encoding="utf-8")
    return context
