"""Train a commit's model anew, from its own code and data and without any cache, and compare the bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lastro.core.errors import ExternalError, LastroError
from lastro.core.yaml12 import load_mapping
from lastro.operations.lineage import git, lineage, repository
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.lineage.pipeline import Recorded, read_lock

STAGES = ("prepare", "train", "evaluate")


@dataclass(frozen=True)
class Compared:
    """One output: the digest that dvc.lock records, and that of the bytes made now (None: not made)."""

    stage: str
    path: str
    recorded: str | None
    made: str | None

    @property
    def same(self) -> bool:
        """Whether the bytes are the same."""
        return self.recorded is not None and self.recorded == self.made


@dataclass(frozen=True)
class Reproduction:
    """Every output of every stage, in the order of the pipeline."""

    lineage: Lineage
    outputs: tuple[Compared, ...]

    @property
    def first_difference(self) -> Compared | None:
        """The first output, of the first stage, that came out otherwise; None if all are the same."""
        return next((output for output in self.outputs if not output.same), None)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        first = self.first_difference
        return {
            "commit": self.lineage.commit,
            "model": self.lineage.model,
            "reproduced": first is None,
            "first_difference": first and first.stage,
            "outputs": [{**vars(output), "same": output.same} for output in self.outputs],
        }


def reproduce(root: Path, commit: str) -> Reproduction:
    """Run the pipeline of `commit` in a temporary working copy, which is removed however this ends.

    Raises:
        LastroError: no such commit, or a dvc.lock that does not say what was made.
        ExternalError: Git fails, DVC does not bring the data back, or a stage fails.
    """
    found = lineage.read(root, commit)
    with repository.checkout(root, found.commit) as tree:
        # The folder of the repository may lie below that of Git's.
        prefix = repository.prefix(root)
        here = tree / prefix
        _configure(root, here)
        environment = _environment(here)
        _restore_data(here, environment)
        recorded = _read_lock(here)
        _dvc(here, environment, "repro", "--force", "--no-run-cache", "--no-commit")
        made = _read_lock(here)
    return Reproduction(found, tuple(_compare(recorded, made)))


def _compare(recorded: dict[str, Recorded], made: dict[str, Recorded]) -> list[Compared]:
    # The template's own stages first and in their order, then what the user has added.
    order = [*(s for s in STAGES if s in recorded), *(s for s in recorded if s not in STAGES)]
    return [
        Compared(stage, path, digest, made[stage].outs.get(path) if stage in made else None)
        for stage in order
        for path, digest in recorded[stage].outs.items()
    ]


def _read_lock(here: Path) -> dict[str, Recorded]:
    return read_lock(load_mapping((here / "dvc.lock").read_bytes(), "dvc.lock", "dvc repro"), "dvc.lock")


def _configure(root: Path, here: Path) -> None:
    """Give the working copy the clone's cache and remotes: what is not in Git, or is relative to the clone."""
    from dvc.config import Config
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    own = root / ".dvc" / "config.local"
    if own.is_file():
        shutil.copy(own, here / ".dvc" / own.name)
    try:
        with Repo(str(root)) as repo, Config(str(here / ".dvc")).edit("local") as settings:
            settings["cache"]["dir"] = repo.cache.local_cache_dir
            for name, remote in repo.config["remote"].items():
                # DVC has made those absolute that are folders.
                settings["remote"].setdefault(name, {})["url"] = str(remote["url"])
    except DvcException as error:
        raise LastroError(
            f"DVC cannot read its configuration ({error})", where=root, fix="dvc doctor says more"
        ) from None


def _environment(here: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        # The commit's own code, not the one that is installed.
        "PYTHONPATH": f"{here / 'lastro' / 'src'}{os.pathsep}{here / 'src'}",
        "LASTRO_TRACKING": "off",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(here / ".dvc" / "tmp" / "site"),
    }


def _restore_data(here: Path, environment: dict[str, str]) -> None:
    """The raw data that DVC tracks; the outputs of the stages are made anew."""
    names = [name for name in git.tree(here, "HEAD") if name.endswith(".dvc")]
    targets = [name for name in names if (here / name).is_file() and _has_outs(here / name)]
    if targets and _run_dvc(here, environment, "checkout", "--quiet", *targets, quiet=True):
        _dvc(here, environment, "pull", *targets)


def _has_outs(file: Path) -> bool:
    try:
        return bool(yaml.safe_load(file.read_text(encoding="utf-8")).get("outs"))
    except (yaml.YAMLError, AttributeError, UnicodeDecodeError):
        return False


def _dvc(here: Path, environment: dict[str, str], *arguments: str) -> None:
    code = _run_dvc(here, environment, *arguments)
    if code:
        fix = "dvc push where the data is" if arguments[0] == "pull" else "make setup may mend it"
        raise ExternalError(f"failed with exit code {code}, see above", where=f"dvc {arguments[0]}", fix=fix)


def _run_dvc(here: Path, environment: dict[str, str], *arguments: str, quiet: bool = False) -> int:
    """DVC's exit code. What it and the stages print goes to standard error, as progress."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=here,
        env=environment,
        stdout=subprocess.DEVNULL if quiet else sys.stderr.fileno(),
        stderr=subprocess.DEVNULL if quiet else None,
        start_new_session=True,
    )
    try:
        return process.wait()
    except BaseException:
        # The stages too: one that still writes would be in the way of removing the folder.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
