"""The docker command; its failures are one line."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lastro.core.errors import ExternalError, LastroError


class AbsentImageError(ExternalError):
    """Neither this machine nor the registry has the image."""


class DeniedError(ExternalError):
    """The registry refuses this user; some do so for a repository that nobody has pushed to yet."""


_ABSENT = re.compile(
    r"no such image|manifest unknown|name unknown|no such manifest|(manifest|repository) .*not found|: not found$",
    re.IGNORECASE,
)
_DENIED = re.compile(r"denied|unauthorized|authentication required", re.IGNORECASE)
"""What Docker and registries print then."""


def docker(
    *arguments: str, shown: bool = False, seconds: float | None = None, cwd: Path | None = None
) -> str:
    """Run a docker command; what it prints, for `logs` on both streams. shown: its output goes to standard error as it comes.

    Raises:
        AbsentImageError: there is no such image.
        DeniedError: the registry refuses.
        ExternalError: Docker is not installed, does not answer or fails.
    """
    what = f"docker {arguments[0]}"
    try:
        done = subprocess.run(
            ["docker", *arguments],
            stdout=2 if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.STDOUT if arguments[0] == "logs" else subprocess.PIPE,
            text=True,
            timeout=seconds,
            cwd=cwd,
        )
    except FileNotFoundError:
        raise ExternalError("Docker is not installed here", where=what, fix="lastro doctor") from None
    except subprocess.TimeoutExpired:
        raise ExternalError(f"no answer in {seconds:g} s", where=what) from None
    if done.returncode:
        said = "" if shown else ((done.stderr or done.stdout).strip().splitlines() or ["no reason given"])[-1]
        kind = (
            AbsentImageError
            if _ABSENT.search(said)
            else DeniedError
            if _DENIED.search(said)
            else ExternalError
        )
        raise kind(f"failed ({said})" if said else "failed, see above", where=what)
    return done.stdout or ""


def inspect(image: str) -> dict[str, Any]:
    """What Docker knows of a local image.

    Raises:
        LastroError: there is none.
    """
    try:
        return json.loads(docker("image", "inspect", "--format", "{{json .}}", "--", image))
    except AbsentImageError:
        raise LastroError(
            "is not on this machine", where=f"image {image}", fix="lastro image build, or docker pull it"
        ) from None


@contextmanager
def exported(image: str) -> Iterator[IO[bytes]]:
    """The image's file system as a tar archive, as it comes; no program of the image is run.

    Raises:
        ExternalError: Docker fails.
    """
    holder = docker("create", "--network=none", "--", image).strip()
    try:
        with subprocess.Popen(["docker", "export", holder], stdout=subprocess.PIPE) as process:
            yield process.stdout
            # An archive is padded beyond its end, and docker waits until somebody has read that too.
            while process.stdout.read(2**20):
                pass
        if process.returncode:
            raise ExternalError("failed, see above", where="docker export")
    finally:
        docker("rm", "--force", holder)
