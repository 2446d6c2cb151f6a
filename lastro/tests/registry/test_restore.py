"""A fresh clone, as CI makes it: the outputs of a commit come from the DVC remote, or one line says why not."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from lastro.operations.lineage import lineage
from lastro.operations.lineage.dvc import digest_of
from lastro.operations.registry import artifact
from tests.clones import Clone

pytestmark = pytest.mark.e2e


@pytest.fixture
def fresh(clone, empty_database, tmp_path) -> Clone:
    """A clone without outputs and cache, whose remote is a folder; its store has all its tables, and is empty."""
    made = Clone(tmp_path / "fresh")
    clone.run("git", "clone", "-q", str(clone.folder), str(made.folder))
    for each in (clone, made):
        each.run("dvc", "remote", "modify", "--local", "local", "url", str(tmp_path / "remote"))
    shutil.copy(empty_database, made.folder / "mlflow.db")
    return made


def lastro(clone: Clone, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with its output and its errors apart."""
    return subprocess.run(
        ["lastro", *arguments], cwd=clone.folder, env=clone.env, capture_output=True, text=True, check=False
    )


def outputs(clone: Clone) -> list[Path]:
    return [
        path for name in ("data/prepared", "models", "reports") for path in (clone.folder / name).rglob("*")
    ]


@pytest.mark.parametrize("rev", ["v1.0.0", None])
def test_outputs_come_from_the_remote(clone, fresh, rev):
    """Of an older revision, and of the one that is checked out."""
    clone.run("dvc", "push", "--all-tags")
    assert not outputs(fresh)
    done = lastro(fresh, "register", *(["--rev", rev] if rev else []), "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = lineage.read(clone.folder, rev or "HEAD")
    printed = json.loads(done.stdout)
    assert (printed["model"], printed["commit"], printed["created"]) == (found.model, found.commit, True)
    shown = json.loads(lastro(fresh, "show", "1", "--json").stdout)
    assert (shown["model"], shown["data"], shown["verdict"]) == (found.model, found.data, "pass")
    # The working copy is left as it was.
    assert not outputs(fresh)
    assert fresh.run("git", "status", "--porcelain").stdout == ""
    assert fresh.run("git", "worktree", "list").stdout.count("\n") == 1


def test_remote_that_holds_nothing_is_one_line(clone, fresh, tmp_path):
    (tmp_path / "remote").mkdir()
    done = lastro(fresh, "register", "--rev", "v1.0.0")
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: outputs at {lineage.read(clone.folder, 'v1.0.0').commit[:12]}: ")
    assert "run dvc push where they were made, or check the commit out and dvc repro" in line
    assert "nothing is registered yet" in lastro(fresh, "versions").stdout
    assert fresh.run("git", "worktree", "list").stdout.count("\n") == 1


def test_remote_that_holds_a_part_is_one_line(clone, fresh, tmp_path):
    """A push that was interrupted: the model is there, the data is not."""
    clone.run("dvc", "push", "--all-tags")
    found = lineage.read(clone.folder, "v1.0.0")
    digest = found.data.removesuffix(".dir")
    (tmp_path / "remote" / "files" / "md5" / digest[:2] / f"{digest[2:]}.dir").unlink()
    done = lastro(fresh, "register", "--rev", "v1.0.0")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "run dvc push where they were made" in line
    assert "nothing is registered yet" in lastro(fresh, "versions").stdout


def test_remote_with_other_bytes_is_one_line(clone, fresh, tmp_path):
    """Whatever DVC says of it, a model with other bytes does not become a version."""
    clone.run("dvc", "push", "--all-tags")
    digest = lineage.read(clone.folder, "v1.0.0").model
    file = tmp_path / "remote" / "files" / "md5" / digest[:2] / digest[2:]
    file.chmod(0o644)
    file.write_bytes(b"other bytes")
    done = lastro(fresh, "register", "--rev", "v1.0.0")
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert "dvc push" in line
    assert "nothing is registered yet" in lastro(fresh, "versions").stdout


def test_a_folder_and_a_file_come_by_their_digest(clone, fresh, tmp_path):
    """The listing of a folder is an object of its own: its files have to be brought, too."""
    clone.run("dvc", "push")
    found = lineage.read(fresh.folder, "HEAD")
    for number, digest in enumerate((found.data, found.model)):
        there = artifact.restore(fresh.folder, digest, tmp_path / str(number))
        assert digest_of(there) == digest
