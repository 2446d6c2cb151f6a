"""MLproject, python_env.yaml and conda.yaml, from the families' types, pyproject.toml and the one lock."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

from lastro.cli.project import UNCHANGED
from lastro.families import catalog

ROOT = Path(__file__).parents[2]
NOTE = "# Written by docs/generate.py; `make docs` refreshes it.\n"
LOCK = "requirements/runtime.lock"
INSTALL = "pip install --quiet --no-deps --no-build-isolation -r requirements/lastro.txt --editable ."
INSTALLED = f"(command -v lastro >/dev/null || {INSTALL})"


def project_files() -> dict[Path, str]:
    """The text of each file, by path."""
    lowest = re.search(
        r"3\.\d+",
        tomllib.loads((ROOT / "lastro" / "pyproject.toml").read_text())["project"]["requires-python"],
    )
    python = lowest.group()
    contents = {
        "MLproject": _project(),
        "projects/docker/MLproject": _in_docker(_project()),
        # The lock itself, not a copy of its versions: there is nothing that could drift.
        "python_env.yaml": {"python": python, "dependencies": [f"-r {LOCK}"]},
        "conda.yaml": {
            "name": "lastro",
            "channels": ["conda-forge", "nodefaults"],
            "dependencies": [f"python={python}", "pip", {"pip": [f"-r {LOCK}"]}],
        },
    }
    dump = {"sort_keys": False, "width": 100_000}
    return {ROOT / name: NOTE + yaml.safe_dump(content, **dump) for name, content in contents.items()}


def _project() -> dict:
    parameters = {
        name: {"type": kind, "default": UNCHANGED}
        for family in catalog.FAMILIES
        for name, kind in _kinds(family).items()
    }
    passed = "".join(f" --{name} {{{name}}}" for name in parameters)
    # The environment holds the locked requirements only, and MLflow installs a file with hashes alone.
    command = f"{INSTALLED} && python -m lastro.cli.project {{}}"
    return {
        "name": "lastro",
        "python_env": "python_env.yaml",
        "entry_points": {
            # MLflow hands on what is not declared, as --NAME VALUE.
            "main": {"command": command.format("main")},
            "train": {"parameters": parameters, "command": command.format("train") + passed},
            "evaluate": {"command": command.format("evaluate")},
        },
    }


def _in_docker(project: dict) -> dict:
    """The same entry points in the image of the Dockerfile's `pipeline` target; MLflow knows one environment a file.

    MLflow hands each text to a shell on the host, which starts the container: the clone is there under its own path,
    so that the paths in its store and its cache are true inside, too.
    """
    clone = '"$(git rev-parse --show-toplevel)"'
    del project["python_env"]
    for entry_point in project["entry_points"].values():
        # A shell of the image's, which is told the folder as $0 and the rest as its arguments.
        script, arguments = entry_point["command"].split(" lastro.cli.project ")
        inside = f'cd "$0" && {script} lastro.cli.project "$@"'
        entry_point["command"] = f"sh -c '{inside}' {clone} {arguments}"
    environment = {
        "image": "lastro-pipeline",
        "volumes": [f"{clone}:{clone}"],
        # Instead of the one that MLflow changes for a file mounted by itself, apart from its journal.
        "environment": [["MLFLOW_TRACKING_URI", '"$MLFLOW_TRACKING_URI"']],
    }
    return {"name": project["name"], "docker_env": environment, "entry_points": project["entry_points"]}


def _kinds(family: str) -> dict[str, str]:
    """MLflow's type of each hyperparameter: float where it takes a number, else string."""
    properties = catalog.get(family).Hyperparameters.model_json_schema()["properties"]
    return {name: _kind(schema) for name, schema in properties.items()}


def _kind(schema: dict) -> str:
    kinds = {option.get("type") for option in schema.get("anyOf", [schema])} - {"null"}
    return "float" if kinds and kinds <= {"integer", "number"} else "string"
