"""The docker command; its failures are one line."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from lastro.core.errors import ExternalError, LastroError

PORT = 8080
"""That the app in an image listens to."""
HARDENED = [
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--pids-limit=128",
    "--memory=1g",
]
"""Options of `docker run`: the image asks for no more rights."""


class AbsentImageError(LastroError):
    """Neither this machine nor the registry has the image."""


class BadReferenceError(LastroError):
    """The text cannot be an image's name."""


class DeniedError(ExternalError):
    """The registry refuses this user; some do so for a repository that nobody has pushed to yet."""


_PRINTED: dict[type[LastroError], re.Pattern[str]] = {
    AbsentImageError: re.compile(
        r"no such image|manifest unknown|name unknown|no such manifest|(manifest|repository) .*not found|: not found$",
        re.IGNORECASE,
    ),
    DeniedError: re.compile(r"denied|unauthorized|authentication required", re.IGNORECASE),
    BadReferenceError: re.compile("invalid reference format"),
}
"""What Docker and registries print then; the first that fits."""


def docker(
    *arguments: str, shown: bool = False, seconds: float | None = None, cwd: Path | None = None
) -> str:
    """Run a docker command and return what it prints, for `logs` on both streams.

    shown: its output goes to standard error as it comes.

    Raises:
        AbsentImageError: there is no such image.
        BadReferenceError: what is named cannot be an image.
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
    if done.returncode and shown:
        raise ExternalError("failed, see above", where=what)
    if done.returncode:
        printed = ((done.stderr or done.stdout).strip().splitlines() or ["no reason given"])[-1]
        kind = next((kind for kind, words in _PRINTED.items() if words.search(printed)), ExternalError)
        raise kind(f"failed ({printed})", where=what)
    return done.stdout or ""


def inspect(image: str, seconds: float | None = None) -> dict[str, Any]:
    """Return what Docker knows of a local image: Id, Created, Config, RepoDigests, Size.

    Raises:
        AbsentImageError: there is none.
        ExternalError: Docker is not installed, does not answer or fails.
    """
    # A reference cannot begin with a dash; what does would be read as an option.
    command = ("image", "inspect", "--format", "{{json .}}", "--", image)
    try:
        return json.loads(docker(*command, seconds=seconds))
    except (AbsentImageError, BadReferenceError):
        raise AbsentImageError(
            "is not on this machine", where=f"image {image}", fix="lastro image build, or docker pull it"
        ) from None


def labels(image: dict[str, Any]) -> dict[str, str]:
    """Return the labels of an inspected image."""
    return (image.get("Config") or {}).get("Labels") or {}
