"""Stand-ins for the third-party actions: which one serves a pinned reference, and whether a step passes only inputs
that the real action declares (act itself passes unknown ones in silence).

They lie in actions/OWNER/REPOSITORY[/FOLDER]/action.yml, with the inputs and outputs of the real ones.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ACTIONS = Path(__file__).parent / "actions"


@lru_cache
def declared(action: str) -> dict[str, Any]:
    """The action.yml of a stand-in by its name, such as actions/cache/restore. Raises AssertionError if there is none."""
    file = ACTIONS / action / "action.yml"
    assert file.exists(), f"no stand-in for {action}: write {file}"
    return yaml.safe_load(file.read_text())


def uses_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps with `uses` of a workflow or a composite action."""
    jobs = document["jobs"].values() if "jobs" in document else [document.get("runs", {})]
    return [step for job in jobs for step in job.get("steps", ()) if "uses" in step]


def check(path: str, document: dict[str, Any], local: dict[str, dict[str, Any]]) -> dict[str, Path]:
    """Check the inputs of every step; give the folder for each OWNER/REPOSITORY@REF.

    local: the repository's own actions by `./path`, checked against their own declarations.
    Raises AssertionError for an unknown input, and for a required one that is not given.
    """
    folders = {}
    for step in uses_of(document):
        uses, given = step["uses"], set(step.get("with") or {})
        if uses.startswith("./"):
            action = local[uses.rstrip("/")]
        else:
            name, _, ref = uses.partition("@")
            action = declared(name)
            owner, repository = name.split("/")[:2]
            folders[f"{owner}/{repository}@{ref}"] = ACTIONS / owner / repository
        inputs = {k: v or {} for k, v in (action.get("inputs") or {}).items()}
        unknown = given - set(inputs)
        assert not unknown, f"{path}: {uses} has no input {', '.join(sorted(unknown))}"
        missing = {n for n, i in inputs.items() if i.get("required") is True and "default" not in i} - given
        assert not missing, f"{path}: {uses} needs the input {', '.join(sorted(missing))}"
    return folders


def local_actions(files: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The repository's own actions among its files, by `./path`."""
    found = {}
    for path, text in files.items():
        if re.search(r"(^|/)action\.ya?ml$", path):
            found[f"./{Path(path).parent}"] = yaml.safe_load(text)
    return found
