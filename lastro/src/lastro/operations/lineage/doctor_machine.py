"""Git, Docker, Python and its packages."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from lastro.core.check import Check, failed, ok, warning

LOWEST = (3, 11)
SECONDS = 20


def examine(root: Path) -> Iterator[Check]:
    """Check; see `lastro.cli.doctor`."""
    yield _python()
    yield _packages(root / "requirements" / "runtime.lock")
    yield _git(root)
    yield _docker()


class DifferentPackage(NamedTuple):
    """A package that is not installed as it is locked. installed: None where it is missing."""

    name: str
    installed: str | None
    locked: str

    def __str__(self) -> str:
        return f"{self.name} {self.installed or 'missing'} (locked {self.locked})"


def different_packages(lock: Path) -> list[DifferentPackage]:
    """List the locked packages that are installed in another version, or not at all.

    Raises:
        OSError: there is no such file.
    """
    from packaging.requirements import Requirement

    different = []
    for line in re.findall(r"^[A-Za-z0-9][^\\\n]*==[^\\\n]*", lock.read_text(encoding="utf-8"), re.MULTILINE):
        wanted = Requirement(line.strip())
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        locked = str(wanted.specifier).removeprefix("==")
        try:
            installed = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            installed = None
        if installed != locked:
            different.append(DifferentPackage(wanted.name, installed, locked))
    return different


def _python() -> Check:
    version = platform.python_version()
    if sys.version_info < LOWEST:
        return failed("python", f"{version} is too old", "make PYTHON=python3.12")
    return ok("python", version)


def _packages(lock: Path) -> Check:
    try:
        different = different_packages(lock)
    except OSError:
        return failed("packages", f"{lock}: cannot be read", "git checkout requirements/runtime.lock")
    if not different:
        return ok("packages", "as in requirements/runtime.lock")
    shown = ", ".join(map(str, different[:3])) + (
        f" and {len(different) - 3} more" if len(different) > 3 else ""
    )
    if any(package.installed is None for package in different):
        return failed("packages", shown, "make setup")
    return warning("packages", f"{shown}: other versions may make other bytes", "make setup")


def _git(root: Path) -> Check:
    version = _run("git", "--version")
    if version is None:
        return failed("git", "is not on the PATH", "install Git")
    commit = _run("git", "-C", str(root), "rev-parse", "--short", "HEAD")
    if commit is None or commit.returncode:
        return failed("git", f"{root} is no repository with a commit", "git init, then git commit")
    text = f"{version.stdout.strip().removeprefix('git version ')}, at {commit.stdout.strip()}"
    shallow = _run("git", "-C", str(root), "rev-parse", "--is-shallow-repository")
    if shallow is not None and shallow.stdout.strip() == "true":
        return warning(
            "git", f"{text}, without its history: releases and traces need it", "git fetch --unshallow --tags"
        )
    return ok("git", text)


def _docker() -> Check:
    needed = "only images need it"
    found = _run("docker", "version", "--format", "{{.Server.Version}}")
    if found is None:
        return warning("docker", f"is not on the PATH or hangs ({needed})", "install Docker")
    if found.returncode:
        said = (found.stderr.strip().splitlines() or ["no reason given"])[-1]
        return warning("docker", f"{said} ({needed})", "start Docker, or join the group that may use it")
    buildx = _run("docker", "buildx", "version")
    if buildx is None or buildx.returncode:
        return warning(
            "docker", f"{found.stdout.strip()}, without buildx ({needed})", "install docker-buildx-plugin"
        )
    return ok("docker", found.stdout.strip())


def _run(*command: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (FileNotFoundError, PermissionError, subprocess.TimeoutExpired):
        return None
