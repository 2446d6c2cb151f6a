"""A commit is trained anew beside the working copy, which nothing touches; a difference is found where it begins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from lastro.operations.lineage import lineage
from tests.registry.conftest import register

pytestmark = pytest.mark.e2e


def worktrees(clone) -> int:
    return clone.run("git", "worktree", "list").stdout.count("\n")


def test_version_is_reproduced_although_the_working_copy_differs(registry, clone):
    register(registry, clone, "v1.0.0")
    clone.edit("params.yaml", "learning_rate: 0.1", "learning_rate: 0.3")
    before = clone.read("dvc.lock"), clone.run("git", "status", "--porcelain").stdout
    done = clone.run("lastro", "reproduce", "1")
    model = lineage.read(clone.folder, "v1.0.0").model
    assert f"reproduced: model {model}" in done.stdout
    assert done.stdout.count(" same") == 9
    assert (clone.read("dvc.lock"), clone.run("git", "status", "--porcelain").stdout) == before
    assert worktrees(clone) == 1


def test_first_stage_that_differs_is_named(clone):
    true = lineage.read(clone.folder)
    clone.write(
        "dvc.lock", clone.read("dvc.lock").replace(true.model, "a" * 32).replace(true.predictions, "b" * 32)
    )
    clone.commit("A lock that lies")
    done = subprocess.run(
        ["lastro", "reproduce", "--json"], cwd=clone.folder, env=clone.env, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    content = json.loads(done.stdout)
    assert content["first_difference"] == "train"
    different = {output["path"]: output["made"] for output in content["outputs"] if not output["same"]}
    assert different == {"models/model.bin": true.model, "reports/predictions.parquet": true.predictions}


def test_data_comes_from_the_remote_and_a_failing_stage_is_one_line(clone):
    source = clone.folder / "data" / "raw.csv"
    rows = "".join(f"{i},{i % 7},{'yes' if i % 3 else 'no'}\n" for i in range(400))
    source.write_text("a,b,target\n" + rows)
    clone.edit("params.yaml", "data/breast_cancer.csv ", "data/raw.csv ")
    clone.run("dvc", "add", "--quiet", "data/raw.csv")
    clone.run("dvc", "repro", LASTRO_TRACKING="off")
    clone.commit("Own data")
    clone.run("dvc", "push")
    clone.run("rm", "-rf", ".dvc/cache", "data/raw.csv")
    assert "reproduced: model" in clone.run("lastro", "reproduce").stdout
    clone.run("rm", "-rf", ".dvc/cache", ".dvc-remote")
    failed = clone.run("lastro", "reproduce", check=False)
    assert failed.returncode == 3
    assert "error: dvc pull: failed" in failed.stdout
    assert worktrees(clone) == 1


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind(clone, sent, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = clone.env | {"TMPDIR": str(temporary)}
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        ["lastro", "reproduce"],
        cwd=clone.folder,
        env=env,
        stdout=log,
        stderr=log,
        # As at a terminal: what a shell starts in the background has it ignored, and hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while b"Running stage" not in (tmp_path / "log").read_bytes():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, sent)
    assert process.wait(30) != 0
    assert list(temporary.glob("lastro-*")) == []
    assert worktrees(clone) == 1


def test_unknown_revision_is_one_line(registry, clone):
    failed = clone.run("lastro", "reproduce", "nonsense", check=False)
    assert failed.returncode == 2
    assert "error: nonsense: is no version number" in failed.stdout
