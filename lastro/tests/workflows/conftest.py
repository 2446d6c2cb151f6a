"""The workflow files of this repository, read once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
GITHUB = ROOT / ".github"
FILES = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))


def document(file: Path) -> dict[str, Any]:
    """A file as YAML; the key `on`, which YAML 1.1 takes for true, is called on again."""
    read = yaml.safe_load(file.read_text())
    return {("on" if key is True else key): value for key, value in read.items()}


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    """Every job of every workflow: file, id, job."""
    return [(file.name, name, job) for file in FILES for name, job in document(file)["jobs"].items()]


def steps() -> list[tuple[str, dict[str, Any]]]:
    """Every step, of jobs and of the repository's own actions, with a name for it."""
    found = [(f"{file}:{name}", step) for file, name, job in jobs() for step in job.get("steps", ())]
    return found + [
        (str(file.relative_to(GITHUB)), step) for file in ACTIONS for step in document(file)["runs"]["steps"]
    ]
