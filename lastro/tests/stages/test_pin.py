"""What the pipeline depends on: the pin changes with all the code that decides a model, and with nothing else."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import lastro
from tests.release.small_project import Project

PACKAGE = Path(lastro.__file__).parent
LIBRARIES = {"mlflow", "pandas", "sklearn"}
STAGES = {
    "prepare": "lastro.tables.prepare",
    "train": "lastro.families.train",
    "evaluate": "lastro.evaluation.evaluate",
}


@pytest.fixture
def pin(root, tmp_path, monkeypatch):
    """lastro/pin.py, reading a copy of the package that the test may edit."""
    spec = importlib.util.spec_from_file_location("lastro_pin", root / "lastro" / "pin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "lastro", ignore=ignored)
    monkeypatch.setattr(module, "PACKAGE", tmp_path / "lastro")
    return module


def append(file: Path) -> None:
    file.write_text(file.read_text() + "# A comment.\n")


@pytest.mark.parametrize("room", ["core", "tables", "families", "evaluation", "artifact"])
def test_an_edit_of_the_pipelines_code_changes_the_pin(pin, room):
    for file in sorted((pin.PACKAGE / room).rglob("*.py")):
        before = pin.pin()
        append(file)
        assert pin.pin() != before, file


def test_an_edit_of_other_code_does_not(pin):
    before = pin.pin()
    others = [
        file for room in ("operations", "cli", "serving") for file in (pin.PACKAGE / room).rglob("*.py")
    ]
    assert len(others) > 50
    for file in others:
        append(file)
    assert pin.pin() == before


def test_a_moved_or_an_empty_file_changes_the_pin(pin):
    before = pin.pin()
    (pin.PACKAGE / "core" / "paths.py").rename(pin.PACKAGE / "core" / "places.py")
    moved = pin.pin()
    (pin.PACKAGE / "core" / "empty.py").touch()
    assert len({before, moved, pin.pin()}) == 3


def python(code: str, *arguments: str) -> list[str]:
    """What code prints, as JSON, in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("stage", STAGES)
def test_the_pin_covers_what_a_stage_imports(pin, root, tmp_path, stage):
    """While it runs, not only at its start. The staircase: no stage needs a room above its own."""
    project = Project(root, tmp_path / "project")
    code = (
        "import importlib, json, sys\n"
        "from pathlib import Path\n"
        "from lastro.core.document import Document\n"
        "from lastro.core.paths import Paths\n"
        "paths = Paths.of(Path(sys.argv[1]))\n"
        "params = Document.read(paths.params).params()\n"
        "for name in sys.argv[2:]:\n"
        "    getattr(importlib.import_module(name), name.split('.')[-1])(params, paths)\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('lastro.')]))"
    )
    through = list(STAGES)[: list(STAGES).index(stage) + 1]
    imported = python(code, str(project.folder), *[STAGES[name] for name in through])
    rooms = {name.split(".")[1] for name in imported}
    assert STAGES[stage].split(".")[1] in rooms
    assert rooms <= set(pin.DECIDING)
    highest = {"prepare": {"families", "evaluation"}, "train": {"evaluation"}, "evaluate": set()}[stage]
    assert not rooms & highest


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_starts_without_the_large_libraries(stage):
    code = "import importlib, json, sys; importlib.import_module(sys.argv[1]); print(json.dumps(sorted(sys.modules)))"
    assert not LIBRARIES & set(python(code, STAGES[stage]))


def test_dvc_yaml_names_a_handful_of_paths(root):
    stages = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    for name in ("prepare", "train", "evaluate"):
        deps = set(stages[name]["deps"])
        assert {"src/model", "requirements/runtime.lock", "requirements/lastro.txt"} <= deps
        assert len(deps) <= 7
        assert ("${data.source}" in deps) == (name == "prepare")
        for dep in deps:
            assert "$" in dep or (root / dep).exists() or dep.startswith(("data/prepared", "models/"))
