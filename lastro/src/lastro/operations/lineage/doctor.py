"""Git, Docker, Python and its packages; and the DVC remote: written to, read back, cleaned up."""

from __future__ import annotations

import hashlib
import logging
import platform
import re
import sys
import uuid
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from lastro.core.check import Check, failed, ok, warning, without_password
from lastro.core.docker import docker
from lastro.core.errors import LastroError
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.dvc import DAMAGED, FOLDER_SUFFIX, first_line, open_repo
from lastro.operations.lineage.lineage import Lineage

REMOTE = "DVC remote"
LOWEST = (3, 11)
SECONDS = 20


def examine(root: Path, ci: bool = False) -> Iterator[Check]:
    version = platform.python_version()
    if sys.version_info < LOWEST:
        yield failed("python", f"{version} is too old", "make PYTHON=python3.12")
    else:
        yield ok("python", version)
    yield _packages(root / "requirements" / "runtime.lock")
    yield _git(root)
    yield _docker()
    cache = _cache(root)
    if cache:
        yield cache
    yield from _remote(root, ci)


class DifferentPackage(NamedTuple):
    """A package that is not installed as it is locked. installed: None where it is missing."""

    name: str
    installed: str | None
    locked: str

    def __str__(self) -> str:
        return f"{self.name} {self.installed or 'missing'} (locked {self.locked})"


def different_packages(lock: Path) -> list[DifferentPackage]:
    """List the locked packages that are installed in another version, or not at all; OSError without such a file."""
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


def _packages(lock: Path) -> Check:
    try:
        different = different_packages(lock)
    except OSError:
        return failed("packages", f"{lock}: cannot be read", "git checkout requirements/runtime.lock")
    if not different:
        return ok("packages", "as in requirements/runtime.lock")
    more = f" and {len(different) - 3} more" if len(different) > 3 else ""
    shown = ", ".join(map(str, different[:3])) + more
    if any(package.installed is None for package in different):
        return failed("packages", shown, "make setup")
    return warning("packages", f"{shown}: other versions may make other bytes", "make setup")


def _git(root: Path) -> Check:
    try:
        commit = git.line(root, "rev-parse", "--short", "HEAD")
    except LastroError as error:
        return failed("git", error.problem, error.fix)
    if not commit:
        return failed("git", f"{root} is no repository with a commit", "git init, then git commit")
    text = f"{git.line(root, 'version').removeprefix('git version ')}, at {commit}"
    if git.line(root, "rev-parse", "--is-shallow-repository") == "true":
        what = f"{text}, without its history: releases and traces need it"
        return warning("git", what, "git fetch --unshallow --tags")
    return ok("git", text)


def _docker() -> Check:
    fix = "install Docker, start it, or join the group that may use it"
    try:
        version = docker("version", "--format", "{{.Server.Version}}", seconds=SECONDS).strip()
        fix = "install docker-buildx-plugin"
        docker("buildx", "version", seconds=SECONDS)
    except LastroError as error:
        return warning("docker", f"{error} (only images need it)", fix)
    return ok("docker", version)


def _remote(root: Path, ci: bool) -> Iterator[Check]:
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    # Each kind of remote raises errors of its own library's.
    try:
        repo = Repo(str(root))
    except Exception as error:
        yield failed(REMOTE, f"DVC cannot open the repository: {first_line(error)}", "dvc doctor says more")
        return
    with repo:
        name = repo.config["core"].get("remote")
        if not name:
            what, fix = (
                "none is the default: data and models stay here",
                "dvc remote add --default REMOTE URL",
            )
            yield warning(REMOTE, what, fix)
            return
        try:
            remote = repo.cloud.get_remote()
        except Exception as error:
            yield failed(REMOTE, f"{name}: {first_line(error)}", "dvc remote list, dvc remote modify")
            return
        where = f"{name} ({without_password(repo.config['remote'][name]['url'])})"
        yield from _examine_remote(root, remote, where, ci)


def _examine_remote(root: Path, remote: Any, where: str, ci: bool) -> Iterator[Check]:
    fs, folder = remote.fs, remote.path
    probe, content = fs.join(folder, f"lastro-doctor-{uuid.uuid4().hex}"), uuid.uuid4().hex.encode()
    step = "write"
    try:
        fresh = not fs.exists(folder)
        fs.makedirs(folder, exist_ok=True)
        try:
            with fs.open(probe, "wb") as file:
                file.write(content)
            step = "read"
            if fs.cat_file(probe) != content:
                raise OSError("other bytes came back than were written")
        finally:
            if fs.exists(probe):
                fs.remove(probe)
            if fresh and fs.protocol == "local":
                # DVC makes the folder when it pushes; a look must not.
                Path(folder).rmdir()
    except Exception as error:
        fix = "give this user the right to, or correct its credentials: dvc remote modify --local"
        yield failed(REMOTE, f"{where}: cannot {step}: {first_line(error)}", fix)
        return
    if ci and fs.protocol == "local":
        fix = "dvc remote add --default REMOTE URL with one that outlives the job"
        yield warning(REMOTE, f"{where}: written and read, but it is a folder of this machine", fix)
    else:
        yield ok(REMOTE, f"{where}: written, read, cleaned up")
    yield _pushed(root, remote)


def _cache(root: Path) -> Check | None:
    """Damage in the cache spreads: `dvc push` and `dvc checkout` do not look."""
    try:
        found = lineage.read(root)
        with open_repo(root) as repo:
            damaged = _damaged(repo.cache.local, found)
    except LastroError:
        # Which another check says.
        return None
    if damaged:
        return failed(
            "DVC cache", f"{damaged[0]} holds other bytes than its name says", DAMAGED.format(path=damaged[0])
        )
    return ok("DVC cache", "what dvc.lock names is whole, so far as it is here")


def _damaged(odb: Any, found: Lineage) -> list[str]:
    """List the files of DVC's object store that hold other bytes than their names say."""
    damaged = []
    for md5 in (found.model, found.data, *(getattr(found, name) for name in lineage.REPORTS)):
        path = md5 and odb.oid_to_path(md5)
        if path and odb.fs.exists(path):
            with odb.fs.open(path, "rb") as file:
                made = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            if made != md5.removesuffix(FOLDER_SUFFIX):
                damaged.append(path)
    return damaged


def _pushed(root: Path, remote: Any) -> Check:
    """Others, and `lastro reproduce`, can only get what was pushed."""
    try:
        found = lineage.read(root)
        needed = {"model": found.model, "data": found.data}
        missing = [name for name, md5 in needed.items() if not remote.odb.exists(md5)]
        damaged = _damaged(remote.odb, found)
    except LastroError as error:
        return warning("DVC push", str(error), "lastro status says more")
    except Exception as error:
        return failed("DVC push", first_line(error), "dvc status --cloud says more")
    if damaged:
        fix = "delete it there; dvc repro --force, if the cache here lacks it or has it damaged; dvc push"
        return failed("DVC push", f"{damaged[0]} in the remote holds other bytes than its name says", fix)
    if missing:
        what = f"the remote lacks the {' and the '.join(missing)} of dvc.lock"
        return warning("DVC push", what, "dvc push")
    return ok("DVC push", "the remote has the model and the data of dvc.lock")
