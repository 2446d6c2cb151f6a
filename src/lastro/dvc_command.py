"""DVC's own commands, run by the interpreter that runs this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_dvc(root: Path, *arguments: str) -> int:
    """DVC's exit code; what it prints goes where ours goes."""
    # The stages' `python` is this one, also where the environment is not activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(
        command, cwd=root, env={**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}
    ).returncode
