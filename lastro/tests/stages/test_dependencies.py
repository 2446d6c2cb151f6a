"""dvc.yaml tells the truth: a stage depends on every module of ours that it really imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import example

pytestmark = pytest.mark.e2e

PROBE = """
import json, runpy, sys
try:
    runpy.run_module("lastro.stages.{stage}", run_name="__main__")
finally:
    files = [m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "lastro" and getattr(m, "__file__", None)]
    open("imported.json", "w").write(json.dumps(sorted(set(files))))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory, root) -> dict[tuple[str, str], set[str]]:
    """Files below src/lastro that each stage imports, for each family."""
    found = {}
    for family in ("xgboost", "logistic_regression", "random_forest", "hist_gradient_boosting"):
        folder = tmp_path_factory.mktemp(family)
        (folder / "dvc.yaml").write_text((root / "dvc.yaml").read_text())
        params = yaml.safe_load(example.PARAMS.read_text())
        params["model"] = {"family": family, "params": {}}
        params["data"]["source"] = "sklearn:iris"
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
        (folder / "data").mkdir()
        (folder / "data" / "schema.json").write_text("{}")
        for stage in ("prepare", "train", "evaluate"):
            env = os.environ | {"LASTRO_TRACKING": "off"}
            code = PROBE.format(stage=stage)
            subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, check=True, capture_output=True)
            files = json.loads((folder / "imported.json").read_text())
            found[stage, family] = {str(Path(f).resolve().relative_to(root)) for f in files}
    return found


@pytest.mark.parametrize("stage", ["prepare", "train", "evaluate"])
def test_deps_cover_every_module_that_is_imported(stage, imported, root):
    deps = yaml.safe_load((root / "dvc.yaml").read_text())["stages"][stage]["deps"]
    # Packages whose __init__ holds no code: nothing in them can change a result.
    empty = {"src/lastro/__init__.py", "src/lastro/stages/__init__.py", "src/lastro/tracking/__init__.py"}
    empty |= {"src/lastro/scoring/__init__.py", "src/lastro/reporting/__init__.py"}
    for name in empty:
        assert not [line for line in _code(root / name) if line]
    files = set().union(*(files for (name, _), files in imported.items() if name == stage)) - empty
    assert files, "the probe found nothing"
    for file in files:
        assert any(file == dep or file.startswith(f"{dep}/") for dep in deps), f"{stage} imports {file}"


@pytest.mark.parametrize("stage", ["prepare", "train", "evaluate"])
def test_deps_name_the_lock_and_the_sources(stage, root):
    deps = yaml.safe_load((root / "dvc.yaml").read_text())["stages"][stage]["deps"]
    assert "requirements/runtime.lock" in deps
    assert ("${data.source}" in deps) == (stage == "prepare")
    for dep in deps:
        assert "$" in dep or (root / dep).exists() or dep.startswith(("data/prepared", "models/"))


def test_dvc_yaml_is_short(root):
    assert len((root / "dvc.yaml").read_text().splitlines()) < 100


def test_no_stage_imports_mlflow_or_pandas(root, imported, tmp_path):
    code = "import sys, lastro.stages.{}; print({{'mlflow', 'pandas', 'sklearn'}} & set(sys.modules))"
    for stage in ("prepare", "train", "evaluate"):
        out = subprocess.run(
            [sys.executable, "-c", code.format(stage)], capture_output=True, text=True, check=True
        )
        assert out.stdout.strip() == "set()", stage


def _code(path: Path) -> list[str]:
    """The lines of a module but its docstring."""
    import ast

    return [ast.unparse(n) for n in ast.parse(path.read_text()).body if not isinstance(n, ast.Expr)]
