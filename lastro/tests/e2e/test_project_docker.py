"""The repository as an MLflow project in a container: the Dockerfile's pipeline target, with a real engine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml

from tests.clones import Clone, make_clone

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def clone(root, tmp_path_factory, docker) -> Clone:
    """A clone whose image is there."""
    made = make_clone(root, tmp_path_factory.mktemp("project") / "clone", docker.env)
    # Debian's client has BuildKit; another one found first may lack it.
    made.env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}{os.environ['PATH']}"
    made.run("make", "pipeline-image", f"ARGS=--build-arg BASE={docker.have_python()}")
    return made


def test_main_in_the_container_makes_the_committed_model(clone):
    out = clone.run("mlflow", "run", "projects/docker").stdout
    assert "docker run" in out
    assert "Running stage 'train'" in out
    assert "verdict: pass" in out
    # The same bytes as on the machine where dvc.lock was written.
    assert clone.run("git", "status", "--porcelain").stdout == ""
    assert clone.run("lastro", "check").returncode == 0
    # Tracked in the clone's own store, and found there by the model's digest.
    assert "registered: breast-cancer version 1" in clone.run("lastro", "register").stdout


def test_a_hyperparameter_makes_a_trial_and_files_are_the_users(clone):
    clone.run("chmod", "-R", "a+rwX", ".")
    before = {path for path in clone.folder.rglob("*") if ".git" not in path.parts}
    out = clone.run("mlflow", "run", "projects/docker", "-P", "max_depth=4", "-A", "user=12345:12345").stdout
    assert "verdict: pass" in out
    assert clone.run("git", "status", "--porcelain").stdout == ""
    artifacts = [path for path in clone.folder.glob("ml*/**/model.ubj") if path not in before]
    assert [path.stat().st_uid for path in artifacts] == [12345]


def test_both_projects_have_the_same_entry_points(root):
    plain, docker = (
        yaml.safe_load((root / name).read_text())["entry_points"]
        for name in ("MLproject", "projects/docker/MLproject")
    )
    assert plain.keys() == docker.keys()
    for name, entry_point in plain.items():
        assert docker[name].get("parameters") == entry_point.get("parameters")
        script, arguments = entry_point["command"].split(" lastro.cli.project ")
        assert script in docker[name]["command"]
        assert docker[name]["command"].endswith(f" {arguments}")
