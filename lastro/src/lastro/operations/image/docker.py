"""The docker command; its failures are one line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lastro.core.errors import ExternalError, LastroError


def docker(
    *arguments: str, shown: bool = False, seconds: float | None = None, cwd: Path | None = None
) -> str:
    """Run a docker command; what it prints, for `logs` on both streams. shown: its output goes to standard error as it comes.

    Raises:
        ExternalError: Docker is not installed, does not answer or says no.
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
        raise ExternalError(f"{what}: Docker is not installed here; lastro doctor") from None
    except subprocess.TimeoutExpired:
        raise ExternalError(f"{what}: no answer in {seconds:g} s") from None
    if done.returncode:
        said = "" if shown else ((done.stderr or done.stdout).strip().splitlines() or ["no reason given"])[-1]
        raise ExternalError(f"{what}: failed{f' ({said})' if said else ', see above'}")
    return done.stdout or ""


def inspect(image: str) -> dict[str, Any]:
    """What Docker knows of a local image.

    Raises:
        LastroError: there is none.
    """
    try:
        return json.loads(docker("image", "inspect", "--format", "{{json .}}", "--", image))
    except ExternalError as error:
        if "no such image" in str(error).lower():
            raise LastroError(
                f"image {image}: is not on this machine; lastro image build, or docker pull it"
            ) from None
        raise


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
            raise ExternalError("docker export: failed, see above")
    finally:
        docker("rm", "--force", holder)
