"""Run the pipeline: as the workflows do, noting for the report what had to be run; and anew, to compare the bytes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from lastro.core.errors import ExternalError, LastroError
from lastro.core.files import write_json
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.dvc import environment, file_md5, open_repo
from lastro.operations.lineage.lineage import Lineage

NOTE = Path(".dvc") / "tmp" / "lastro-repro.json"
_RUNNING = re.compile(r"Running stage '([^']+)'")
_ERROR = re.compile(r"(?:error|ERROR): (.+)")
PACKAGE = Path(".dvc") / "tmp" / "package"
"""Where the package that a commit pins is installed, in the temporary working copy."""
STAGES = ("prepare", "train", "evaluate")


def run_pipeline(root: Path, locked: bool = False) -> list[str]:
    """Run the pipeline; the stages that were run, not restored. locked: nothing else than what dvc.lock says may come out.

    Raises LastroError: a stage or DVC says no; with `locked`, dvc.lock is outdated or comes out differently.
    """
    note = root / NOTE
    note.unlink(missing_ok=True)
    if locked:
        for item in lineage.read(root).outdated:
            problem = f"dvc.lock is outdated: {item.stage}: {item.what}"
            raise LastroError(problem, fix=f"{item.fix}, commit dvc.lock and push")
    begun = time.monotonic()
    code, ran, said = _run_repro(root)
    if code:
        why = said or f"dvc repro ended with exit code {code}"
        write_json(note, {"error": why[:2000]})
        raise LastroError(f"the pipeline did not come to an end: {why}")
    seconds = round(time.monotonic() - begun, 3)
    # Whoever runs DVC afterwards writes another dvc.lock, which this note says nothing of.
    write_json(note, {"lock": file_md5(root / "dvc.lock"), "seconds": seconds, "ran": ran})
    if locked and git.attempt(root, "diff", "--quiet", "HEAD", "--", "dvc.lock").returncode:
        problem = (
            "other bytes came out than it records: a stage is not pure, or a library is not the locked one"
        )
        raise LastroError(problem, where="dvc.lock", fix="git diff dvc.lock shows where")
    return ran


def read_note(root: Path) -> dict[str, Any]:
    """What the last run noted: `seconds` and `ran` of the run that wrote this dvc.lock, or the `error` that ended it.

    Empty where DVC was run by itself since, or never through this.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads((root / NOTE).read_text(encoding="utf-8"))
        if "error" in found or found["lock"] == file_md5(root / "dvc.lock"):
            return found
    return {}


def _run_repro(root: Path) -> tuple[int, list[str], str]:
    """Exit code, stages run, last error; all that DVC prints is passed on as it comes."""
    env = {**environment(), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "dvc", "repro", "--pull"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    ran, said = [], ""
    process = subprocess.Popen(command, cwd=root, env=env, **streams)
    for line in process.stdout:
        print(line, end="", flush=True)
        if found := _RUNNING.search(line):
            ran.append(found[1])
        if said.endswith(":") and line.strip():
            said += f" {line.strip()}"
        # The stage's own word comes first and says more than DVC's about it.
        elif not said and (found := _ERROR.search(line)):
            said = found[1].strip()
    return process.wait(), ran, said


@dataclass(frozen=True)
class Compared:
    """One output: the digest that dvc.lock records, and that of the bytes made now (None: not made)."""

    stage: str
    path: str
    recorded: str | None
    made: str | None

    @property
    def same(self) -> bool:
        return self.recorded is not None and self.recorded == self.made


@dataclass(frozen=True)
class Reproduction:
    lineage: Lineage
    outputs: tuple[Compared, ...]

    @property
    def first_difference(self) -> Compared | None:
        """The first output, of the first stage, that came out otherwise; None if all are the same."""
        return next((output for output in self.outputs if not output.same), None)

    def to_json(self) -> dict[str, Any]:
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

    Raises LastroError: no such commit, or a dvc.lock that does not say what was made. Raises ExternalError: Git fails, the
    pinned package or the data does not arrive, or a stage fails.
    """
    found = lineage.read(root, commit)
    with git.checkout(root, found.commit) as tree:
        # The folder of the repository may lie below that of Git's.
        prefix = git.prefix(root)
        here = tree / prefix
        _configure(root, here)
        env = _environment(here)
        _install_pin(here, env)
        _restore_data(here, env)
        recorded = lineage.outputs(here)
        _dvc(here, env, "repro", "--force", "--no-run-cache", "--no-commit")
        made = lineage.outputs(here)
    # The template's own stages first and in their order, then what the author has added.
    order = [*(s for s in STAGES if s in recorded), *(s for s in recorded if s not in STAGES)]
    outputs = tuple(
        Compared(stage, path, digest, made.get(stage, {}).get(path))
        for stage in order
        for path, digest in recorded[stage].items()
    )
    return Reproduction(found, outputs)


def _configure(root: Path, here: Path) -> None:
    """Give the working copy the clone's cache and remotes: what is not in Git, or is relative to the clone."""
    from dvc.config import Config

    own = root / ".dvc" / "config.local"
    if own.is_file():
        shutil.copy(own, here / ".dvc" / own.name)
    with open_repo(root) as repo, Config(str(here / ".dvc")).edit("local") as settings:
        settings["cache"]["dir"] = repo.cache.local_cache_dir
        for name, remote in repo.config["remote"].items():
            # DVC has made those absolute that are folders.
            settings["remote"].setdefault(name, {})["url"] = str(remote["url"])


def _environment(here: Path) -> dict[str, str]:
    # The commit's own code, not the one that is installed: the package where it lies in the repository, and the author's.
    code = [here / "lastro" / "src", here / PACKAGE, here / "src"]
    return {
        **environment(),
        "PYTHONPATH": os.pathsep.join(map(str, code)),
        "LASTRO_TRACKING": "off",
        "DVC_SITE_CACHE_DIR": str(here / ".dvc" / "tmp" / "site"),
    }


def _install_pin(here: Path, env: dict[str, str]) -> None:
    """Install the package that the commit pins beside its code, where it is not the installed one."""
    pin = here / "requirements/lastro.txt"
    if (here / "lastro" / "src").is_dir() or not pin.is_file() or _is_installed(pin.read_text("utf-8")):
        return
    options = ("--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check")
    target = ("--target", str(here / PACKAGE))
    if _run(here, env, "pip", "install", *options, *target, "-r", str(pin.relative_to(here))):
        problem = "pip cannot install the package that the commit pins, see above"
        where = f"{pin.relative_to(here)} at that commit"
        raise ExternalError(problem, where=where, fix="give this machine access to it")


def _is_installed(pin: str) -> bool:
    """Whether the pin names the content that is installed: the commit of a Git URL, or the hash of a wheel."""
    record = metadata.distribution("lastro").read_text("direct_url.json")
    found = json.loads(record or "{}")
    archive = found.get("archive_info", {}).get("hashes", {}).get("sha256")
    content = found.get("vcs_info", {}).get("commit_id") or archive
    return bool(content) and content in pin


def _restore_data(here: Path, env: dict[str, str]) -> None:
    """The raw data that DVC tracks; the outputs of the stages are made anew."""
    with open_repo(here) as repo:
        targets = [stage.path_in_repo for stage in repo.index.stages if stage.is_data_source and stage.outs]
    if targets and _run(here, env, "dvc", "checkout", "--quiet", *targets, quiet=True):
        _dvc(here, env, "pull", *targets)


def _dvc(here: Path, env: dict[str, str], *arguments: str) -> None:
    code = _run(here, env, "dvc", *arguments)
    if code:
        fix = "dvc push where the data is" if arguments[0] == "pull" else "make setup may fix it"
        raise ExternalError(f"failed with exit code {code}, see above", where=f"dvc {arguments[0]}", fix=fix)


def _run(here: Path, env: dict[str, str], module: str, *arguments: str, quiet: bool = False) -> int:
    """Run a Python module and return its exit code. What it and the stages print goes to standard error, as progress."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=here,
        env=env,
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
