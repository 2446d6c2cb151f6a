"""DVC's own commands, run by the interpreter that runs this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_dvc(root: Path, *arguments: str) -> int:
    """DVC's exit code; what it prints goes where ours goes."""
    return subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, env=environment()).returncode


def environment() -> dict[str, str]:
    """For DVC: the stages' `python` is this one, also where the environment is not activated; nothing is reported home."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}
