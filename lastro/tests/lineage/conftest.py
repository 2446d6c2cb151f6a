"""A small repository with a real DVC pipeline, run once and copied for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

DVC_YAML = """\
stages:
  prepare:
    cmd: mkdir -p data/prepared && cp -R ${data.source} data/prepared/table && cp b.txt data/prepared/b.txt
    deps: ["${data.source}", src/prepare.py, src/pkg, b.txt]
    params: [data, evaluation.slices]
    outs: [data/prepared]
  train:
    cmd: >-
      mkdir -p models && cat b.txt data/prepared/b.txt > models/model.bin && echo '{}' > models/training.json
    deps: [data/prepared, b.txt]
    params: [model]
    outs:
      - models/model.bin
      - models/training.json: {cache: false}
  evaluate:
    cmd: >-
      mkdir -p reports && cp models/model.bin reports/predictions.parquet
      && echo '{}' > reports/metrics.json && echo '[]' > reports/roc.json
    deps: [models/model.bin, data/prepared/b.txt]
    params: [evaluation, gate]
    outs: [reports/predictions.parquet]
    metrics: [reports/metrics.json: {cache: true}]
    plots: [reports/roc.json: {x: a, y: b}]
"""
PARAMS = """\
name: tiny
data: {source: data/raw/x.csv, target: y}
model:
  family: xgboost
  params: {learning_rate: 0.1, tiny: 0.00001, huge: 1e-7, word: on, ten: 010, depth: 3}
evaluation: {slices: [], resamples: 1000}
gate: {metric: auto}
tracking: {mode: explicit}
"""


@dataclass(frozen=True)
class Clone:
    """A checkout, with the commands that a person would type in it."""

    root: Path

    def write(self, path: str, text: str | bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))

    def git(self, *arguments: str) -> str:
        return _run(self.root, "git", *arguments).strip()

    def dvc(self, *arguments: str) -> str:
        return _run(self.root, sys.executable, "-m", "dvc", *arguments)

    def commit(self, message: str = "work") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def lock(self) -> dict:
        """Read dvc.lock as DVC does."""
        return YAML(typ="safe").load(self.root / "dvc.lock")

    def write_lock(self, document: dict) -> None:
        with (self.root / "dvc.lock").open("w") as file:
            YAML().dump(document, file)


def _run(root: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory):
    """Git and DVC that know nothing of the machine they run on."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "A Tester")
            patch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("DVC_SITE_CACHE_DIR", str(home / "site"))
        patch.setenv("DVC_GLOBAL_CONFIG_DIR", str(home / "global"))
        patch.setenv("DVC_SYSTEM_CONFIG_DIR", str(home / "system"))
        yield


@pytest.fixture(scope="session")
def template(environment, tmp_path_factory) -> Path:
    """A repository whose pipeline was run and committed."""
    clone = Clone(tmp_path_factory.mktemp("template") / "clone")
    clone.root.mkdir()
    clone.git("init", "--quiet", "--initial-branch=main")
    clone.dvc("init", "--quiet")
    clone.write(".dvcignore", "__pycache__\n*.pyc\n*.egg-info\n")
    clone.write("dvc.yaml", DVC_YAML)
    clone.write("params.yaml", PARAMS)
    clone.write("data/raw/x.csv", "x,y\r\n1,2\r\n")
    clone.write("b.txt", "b\n")
    clone.write("src/prepare.py", "print()\n")
    clone.write("src/pkg/a.py", "a = 1\n")
    clone.write("src/pkg/deep/é b.txt", "text\n")
    clone.write("src/pkg-other/a.py", "not below pkg\n")
    (clone.root / "src/pkg/a.py").chmod(0o755)
    clone.dvc("repro", "--quiet")
    clone.commit("first")
    return clone.root


@pytest.fixture
def clone(template, tmp_path) -> Clone:
    """A copy of the template, DVC's cache included."""
    shutil.copytree(template, tmp_path / "clone", symlinks=True)
    return Clone(tmp_path / "clone")
