"""Runs inside the image that MLflow built: gathers what scoring needs, and nothing else, in one folder.

usage: python collect.py TARGET FLAVOR EPOCH
EPOCH: seconds since 1970 of the commit, the time of every file, so that the same version gives the
same files.
"""

from __future__ import annotations

import compileall
import importlib.metadata
import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

WANTED = {
    # XGBoost is called by its C library, without the Python package and the SciPy behind it.
    "xgboost": ("numpy",),
    "sklearn": ("scikit-learn", "skops", "pyyaml"),
}
"""What the app imports for a model of a flavour; what these require comes along."""
LEFT_OUT = (
    *("tests", "test", "testing_data", "datasets_data", "include", "__pycache__"),
    *("*.pyi", "*.pxd", "*.h", "*.c", "*.a"),
)


def main(target: Path, flavor: str, epoch: int) -> None:
    """Fill TARGET/site."""
    site = target / "site"
    source = Path(importlib.metadata.distribution("numpy").locate_file(""))
    for found in closure(WANTED[flavor]):
        for name in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
            if (source / name).is_dir():
                copy(source / name, site)
            elif name.endswith((".py", ".so")):
                shutil.copy(source / name, site)
    if flavor == "xgboost":
        package = source / "xgboost"
        (site / "xgboost" / "lib").mkdir(parents=True)
        # An empty package that says where the library lies.
        (site / "xgboost" / "__init__.py").touch()
        shutil.copy(package / "lib" / "libxgboost.so", site / "xgboost" / "lib")
        for folder in [*source.glob("xgboost*.libs"), *source.glob("xgboost*.dist-info")]:
            copy(folder, site)
    if shutil.which("strip"):
        for library in site.rglob("*.so*"):
            subprocess.run(["strip", "--strip-unneeded", library], check=False, stderr=subprocess.DEVNULL)
    compileall.compile_dir(site, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    for folder, _, files in os.walk(target):
        for name in [folder, *(os.path.join(folder, file) for file in files)]:
            os.chmod(name, 0o755 if os.path.isdir(name) or os.access(name, os.X_OK) else 0o644)
            os.utime(name, (epoch, epoch))


def copy(folder: Path, site: Path) -> None:
    """Copy a folder without what only developers need; a distribution's metadata and licences have to travel with it."""
    left_out = ("RECORD", "REQUESTED", "INSTALLER") if folder.suffix == ".dist-info" else LEFT_OUT
    ignore = shutil.ignore_patterns(*left_out)
    shutil.copytree(folder, site / folder.name, ignore=ignore, dirs_exist_ok=True)


def closure(names: Iterable[str]) -> Iterator[importlib.metadata.Distribution]:
    """Find the distributions of these names and of all that they require, each once."""
    waiting, seen = list(names), set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        found = importlib.metadata.distribution(name)
        yield found
        wanted = map(Requirement, found.requires or ())
        waiting += [each.name for each in wanted if not each.marker or each.marker.evaluate({"extra": ""})]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
