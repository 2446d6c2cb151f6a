"""Clones of the repository under test, as a person would have them, with the real git, DVC and MLflow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests import example

IDENTITY = {
    name: value
    for role in ("AUTHOR", "COMMITTER")
    for name, value in ((f"GIT_{role}_NAME", "Test"), (f"GIT_{role}_EMAIL", "test@example.com"))
}


STAMPS = ("python", "runtime", "dev", "package", "docs", "sbom")
"""The files by which make knows what is installed in an environment."""

DEPTHS = {"v1.0.0": 3, "v1.1.0": 4, "v1.2.0": 2}
"""Tag -> max_depth of its model, in the fixture `template`."""
LEFT_BY_MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")


class Clone:
    """A working copy with its own Git history, DVC cache and MLflow store."""

    def __init__(self, folder: Path, env: dict[str, str] | None = None):
        self.folder = folder
        self.env = {
            # Without the store and the experiment that MLflow opened last in this process and left in the environment.
            **{name: value for name, value in os.environ.items() if name not in LEFT_BY_MLFLOW},
            # Five processes that import MLflow, for features that nothing here uses.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            **IDENTITY,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            # The clone's own code, not that of the checkout that the tests run from.
            "PYTHONPATH": f"{folder / 'lastro' / 'src'}{os.pathsep}{folder / 'src'}",
            "DVC_SITE_CACHE_DIR": str(folder / ".dvc" / "tmp" / "site"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            **(env or {}),
        }

    def run(self, *command: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone; its output is in the failure where it is not to fail."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env | env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return done

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def edit(self, path: str, old: str, new: str) -> None:
        text = self.read(path)
        assert old in text, f"{path} has no {old!r}"
        self.write(path, text.replace(old, new, 1))


def make_once(tmp_path_factory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that all processes of this run of pytest share, not to be changed; the first that asks makes it."""
    base = tmp_path_factory.getbasetemp()
    # Each process of xdist has a folder in the run's.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"shared-{name}"
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


def link_environment(venv: Path) -> None:
    """Make `venv` this process's environment, in which make finds everything installed, whatever the locks say."""
    venv.mkdir(parents=True)
    for part in Path(sys.prefix).iterdir():
        if part.name not in STAMPS:
            (venv / part.name).symlink_to(part)
    for name in STAMPS:
        (venv / name).touch()
        # Newer than every file that will ever be checked out.
        os.utime(venv / name, (4e9, 4e9))


def copy_clone(original: Clone, folder: Path, monkeypatch: pytest.MonkeyPatch, *without: str) -> Clone:
    """A copy to change; commands in it, and calls in this process, have Git's identity and the embedded store.

    without: names of files and folders that are left out.
    """
    # Another process may have a temporary working copy of the original at this moment.
    left_out = shutil.ignore_patterns("worktrees", *without)
    shutil.copytree(original.folder, folder, symlinks=True, ignore=left_out)
    for name in (*LEFT_BY_MLFLOW, "GITHUB_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    copy = Clone(folder)
    copy.run("git", "config", "user.name", "Test")
    return copy


def make_clone(root: Path, folder: Path, env: dict[str, str] | None = None) -> Clone:
    """A repository with one commit that holds the files of the working tree at `root`, ignored ones left out.

    What is no longer the template's example is made it again.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
    clone = Clone(folder, env)
    clone.run("git", "init", "-q", "-b", "main")
    if clone.read("params.yaml") != example.PARAMS.read_text():
        example.restore(clone)
    clone.commit("Template")
    return clone
