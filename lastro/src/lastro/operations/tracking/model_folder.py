"""Write the model as an MLflow model folder: flavour, python_function, signature, example, pinned requirements."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mlflow.models import Model, ModelSignature
from mlflow.types.schema import AnyType, ColSpec, DataType
from mlflow.types.schema import Schema as MlflowSchema

from lastro.core.errors import LastroError
from lastro.core.params import Params
from lastro.core.paths import Paths
from lastro.families import catalog
from lastro.tables.schema import Column, Schema

PACKAGE = "lastro_scoring"
"""Package that holds `lastro.artifact` in a model's folder and `lastro.serving` in the image; it does not hide lastro."""

LIBRARIES = {
    "xgboost": ("xgboost-cpu", "xgboost", "numpy", "pandas", "scipy"),
    "sklearn": ("scikit-learn", "skops", "numpy", "pandas", "scipy"),
}
"""What loading and scoring a model imports, by flavour; mlflow is added to each."""


def import_flavor(family: str) -> Any:
    """Return the MLflow flavour module of a family, with its library imported."""
    if catalog.get(family).flavor == "xgboost":
        from lastro.artifact.native import import_xgboost

        import_xgboost()
        import mlflow.xgboost as flavor
    else:
        import mlflow.sklearn as flavor
        import skops.io  # noqa: F401
    return flavor


def copy_package(folder: Path, *names: str) -> None:
    """Copy subpackages of lastro into `folder` as a package of their own."""
    for name in names:
        source = Path(__file__).parents[2] / name
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    # Not empty: requests sends an empty file in chunks, which not every store takes.
    (folder / "__init__.py").write_text('"""The code of lastro that a model carries."""\n', encoding="utf-8")


TYPES = {
    "float": "double",
    "integer": "double",
    "boolean": "boolean",
    "category": "string",
    "date": "datetime",
}
"""MLflow's name of the type that a kind of column has in a request."""


def write_model_folder(folder: Path, paths: Paths, params: Params, schema: Schema) -> None:
    """Write what `mlflow.xgboost.load_model`, `mlflow.sklearn.load_model`, `mlflow.pyfunc.load_model` and
    `mlflow models build-docker` read. The model file in it has the bytes of the stage's output.
    """
    family = catalog.get(params.model.family)
    flavor = import_flavor(params.model.family)
    model = family.from_bytes(paths.model.read_bytes())
    common = {
        "signature": signature_of(schema),
        "pip_requirements": requirements(paths.lock, family.flavor),
        "metadata": {
            "lastro.family": params.model.family,
            # What the signature's type for everything does not say; releases are compared by it.
            "input_types": {column.name: TYPES[column.kind] for column in schema.features},
        },
    }
    if family.flavor == "xgboost":
        flavor.save_model(model, folder, model_format="ubj", **common)
        name = "model.ubj"
    else:
        flavor.save_model(
            model,
            folder,
            serialization_format=flavor.SERIALIZATION_FORMAT_SKOPS,
            skops_trusted_types=list(family.trusted),
            **common,
        )
        name = "model.skops"
    shutil.copyfile(paths.model, folder / name)
    shutil.copyfile(paths.schema, folder / "schema.json")
    # The scoring package travels with the model, so that python_function reads raw columns on any machine.
    copy_package(folder / "code" / PACKAGE, "artifact")
    if paths.author.is_dir():
        shutil.copytree(paths.author, folder / "code" / "model", ignore=shutil.ignore_patterns("__pycache__"))
    description = Model.load(str(folder))
    description.flavors["python_function"] |= {
        "loader_module": f"{PACKAGE}.artifact.pyfunc",
        "data": name,
        "code": "code",
    }
    (folder / "input_example.json").write_text(json.dumps(input_example(schema), indent=1), encoding="utf-8")
    description.saved_input_example_info = {
        "artifact_path": "input_example.json",
        "type": "dataframe",
        "pandas_orient": "split",
    }
    # Saved again: the folder that MLflow recorded names this machine.
    description.save(str(folder / "MLmodel"))


def signature_of(schema: Schema) -> ModelSignature:
    """Return the signature: raw columns in; `prediction`, and `probability_LABEL` of each class, out."""
    # MLflow's own types refuse whole numbers in a column of decimals, and make False or 'None' of a missing value.
    inputs = [ColSpec(AnyType(), c.name, required=not c.nullable) for c in schema.features]
    types = {bool: DataType.boolean, int: DataType.long, str: DataType.string}
    predicted = types[type(schema.labels[0])] if schema.labels else DataType.double
    outputs = [ColSpec(predicted, "prediction")]
    outputs += [ColSpec(DataType.double, f"probability_{label}") for label in schema.labels]
    return ModelSignature(MlflowSchema(inputs), MlflowSchema(outputs))


def input_example(schema: Schema) -> dict[str, list]:
    """Make up one row in MLflow's `split` form: middle of each range, first category; not a row of the data."""
    return {
        "columns": [column.name for column in schema.features],
        "data": [[_example(column) for column in schema.features]],
    }


def _example(column: Column) -> float | int | bool | str | None:
    if column.kind == "boolean":
        return False
    if column.kind == "category":
        return column.categories[0] if column.categories else None
    low, high = column.minimum, column.maximum
    if low is None:
        return None
    if column.kind == "date":
        low, high = datetime.fromisoformat(low), datetime.fromisoformat(high)
        return (low + (high - low) / 2).replace(microsecond=0).isoformat()
    middle = (low + high) / 2
    # Few digits are easier to read, and no row's own value shines through.
    short = float(f"{middle:.2g}")
    return short if low <= short <= high else middle


def requirements(lock: Path, flavor: str) -> list[str]:
    """Return `name==version` of each package that the model needs, as locked.

    Raises:
        LastroError: a package is not in the lock file.
    """
    pinned = dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    wanted = ["mlflow", *LIBRARIES[flavor]]
    if "xgboost" in wanted:
        installed = {d.metadata["Name"].lower() for d in metadata.distributions()}
        wanted.remove("xgboost" if "xgboost-cpu" in installed else "xgboost-cpu")
    missing = [name for name in wanted if name not in pinned]
    if missing:
        problem = f"{missing[0]} is not locked, and the model needs it"
        raise LastroError(problem, where=lock, fix="run make lock")
    return [f"{name}=={pinned[name]}" for name in wanted]
