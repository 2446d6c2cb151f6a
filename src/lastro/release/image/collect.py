"""Runs inside the image that MLflow built: gathers what scoring needs, and nothing else, in one folder.

usage: python collect.py TARGET FLAVOR EPOCH
Standard library only. EPOCH: seconds since 1970 of the commit, the time of every file, so that the same version gives the
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
from pathlib import Path

PACKAGES = {
    # XGBoost is called by its C library, without the Python package and the SciPy behind it.
    "xgboost": ("numpy",),
    "sklearn": (
        "numpy",
        "scipy",
        "sklearn",
        "joblib",
        "threadpoolctl",
        "narwhals",
        "skops",
        "prettytable",
        "wcwidth",
        "packaging",
        "yaml",
    ),
}
LEFT_OUT = (
    "tests",
    "test",
    "testing_data",
    "__pycache__",
    "*.pyi",
    "*.pxd",
    "*.h",
    "*.c",
    "*.a",
    "f2py",
    "include",
    "datasets_data",
)


def main(target: Path, flavor: str, epoch: int) -> None:
    """Fill TARGET/site."""
    site = target / "site"
    source = Path(importlib.metadata.distribution("numpy").locate_file(""))
    for name in PACKAGES[flavor]:
        if (source / name).is_dir():
            copy(source / name, site / name)
        elif (source / f"{name}.py").exists():
            shutil.copy(source / f"{name}.py", site)
    for name in ("numpy", "scipy", "scikit_learn"):
        if name in PACKAGES[flavor] or (name == "scikit_learn" and flavor == "sklearn"):
            copy(source / f"{name}.libs", site / f"{name}.libs")
            copy_licences(source, site, name)
    if flavor == "xgboost":
        package = source / "xgboost"
        (site / "xgboost" / "lib").mkdir(parents=True)
        # An empty package that says where the library lies.
        (site / "xgboost" / "__init__.py").touch()
        shutil.copy(package / "lib" / "libxgboost.so", site / "xgboost" / "lib")
        for libraries in source.glob("xgboost*.libs"):
            copy(libraries, site / libraries.name)
        copy_licences(source, site, "xgboost")
    strip(site)
    compileall.compile_dir(site, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    for folder, _, files in os.walk(target):
        for name in [folder, *(os.path.join(folder, file) for file in files)]:
            os.chmod(name, 0o755 if os.path.isdir(name) or os.access(name, os.X_OK) else 0o644)
            os.utime(name, (epoch, epoch))


def copy(source: Path, target: Path) -> None:
    """The folder without what only developers need; none there is as good."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)


def copy_licences(source: Path, site: Path, name: str) -> None:
    """The distribution's metadata and licences, which have to travel with it."""
    for folder in source.glob(f"{name}*.dist-info"):
        shutil.copytree(
            folder,
            site / folder.name,
            ignore=shutil.ignore_patterns("RECORD", "REQUESTED", "INSTALLER"),
            dirs_exist_ok=True,
        )


def strip(site: Path) -> None:
    """Take the symbols out of shared libraries, where the tool for it is there."""
    if shutil.which("strip"):
        for library in site.rglob("*.so*"):
            subprocess.run(["strip", "--strip-unneeded", library], check=False, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
