"""The npm packages of package-lock.json, installed once per machine outside the checkout."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from filelock import FileLock

from tests.servers import need

HERE = Path(__file__).parent
NAMES = (".npmrc", "package.json", "package-lock.json")


def cache_folder() -> Path:
    """Where the tests keep what they have fetched or built once."""
    above = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = above / "lastro-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@lru_cache
def node_modules() -> Path:
    """The folder node_modules; skips where npm is missing, see `tests.servers.need`."""
    need(shutil.which("npm") and shutil.which("node"), "npm")
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in NAMES)).hexdigest()[:16]
    folder = cache_folder() / f"npm-{digest}"
    with FileLock(f"{folder}.lock"):
        if not (folder / "installed").exists():
            folder.mkdir(exist_ok=True)
            for name in NAMES:
                shutil.copy(HERE / name, folder / name)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            (folder / "installed").touch()
    return folder / "node_modules"
