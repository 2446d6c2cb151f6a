"""`dvc repro` as the workflows run it: what DVC's storage has is restored, and what had to be run is noted for the report."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lastro.core.errors import ExternalError, LastroError
from lastro.core.files import write_json
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.dvc import environment, file_md5

NOTE = Path(".dvc") / "tmp" / "lastro-repro.json"
_RUNNING = re.compile(r"Running stage '([^']+)'")
_ERROR = re.compile(r"(?:error|ERROR): (.+)")


def run_pipeline(root: Path, locked: bool = False) -> list[str]:
    """Run the pipeline; the stages that were run, not restored. locked: nothing else than what dvc.lock says may come out.

    Raises:
        LastroError: a stage or DVC says no; with `locked`, dvc.lock is outdated or comes out differently.
    """
    note = root / NOTE
    note.unlink(missing_ok=True)
    if locked:
        _refuse_outdated(root)
    begun = time.monotonic()
    code, ran, said = _run(root)
    if code:
        why = said or f"dvc repro ended with exit code {code}"
        write_json(note, {"error": why[:2000]})
        raise LastroError(f"the pipeline did not come to an end: {why}")
    seconds = round(time.monotonic() - begun, 3)
    # Whoever runs DVC afterwards writes another dvc.lock, which this note says nothing of.
    write_json(note, {"lock": file_md5(root / "dvc.lock"), "seconds": seconds, "ran": ran})
    if locked and git.attempt(root, "diff", "--quiet", "HEAD", "--", "dvc.lock").returncode:
        raise LastroError(
            "other bytes came out than it records: a stage is not pure, or a library is not the locked one",
            where="dvc.lock",
            fix="git diff dvc.lock shows where",
        )
    return ran


def read_note(root: Path) -> dict[str, Any]:
    """What the last run noted: `seconds` and `ran` of the run that wrote this dvc.lock, or the `error` that ended it.

    Empty where DVC was run by itself since, or never through this.
    """
    try:
        found = json.loads((root / NOTE).read_text(encoding="utf-8"))
        if "error" in found or found["lock"] == file_md5(root / "dvc.lock"):
            return found
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}


def _refuse_outdated(root: Path) -> None:
    for item in lineage.read(root).outdated:
        raise LastroError(
            f"dvc.lock is outdated: {item.stage}: {item.what}", fix=f"{item.fix}, commit dvc.lock and push"
        )


def _run(root: Path) -> tuple[int, list[str], str]:
    """Exit code, stages run, last error; all that DVC prints is passed on as it comes."""
    env = {**environment(), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "dvc", "repro", "--pull"]
    ran, said = [], ""
    try:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=env,
            text=True,
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise ExternalError(f"cannot be run ({error.strerror})", where="dvc") from None
    assert process.stdout is not None
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
