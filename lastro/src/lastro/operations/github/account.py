"""A person's own login, for what no workflow may do."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from lastro.core.errors import LastroError
from lastro.operations.github.client import GitHub, from_environment
from lastro.operations.lineage import git

_ADDRESS = re.compile(r"(?:github\.com[:/])([^/\s]+/[^/\s]+?)(?:\.git)?/?$")


def from_login(root: Path) -> GitHub:
    """The repository that origin names, with GITHUB_TOKEN or with the token of GitHub's command line.

    Raises:
        LastroError: neither is there, or origin is not on GitHub.
    """
    if not os.environ.get("GITHUB_TOKEN"):
        try:
            done = subprocess.run(["gh", "auth", "token"], capture_output=True, text=True, check=False)
            token = done.stdout.strip() if done.returncode == 0 else ""
        except OSError:
            token = ""
        if not token:
            raise LastroError(
                "no login",
                where="GitHub",
                fix="gh auth login, or export GITHUB_TOKEN with the right of administration",
            )
        os.environ["GITHUB_TOKEN"] = token
    if not os.environ.get("GITHUB_REPOSITORY"):
        address = git.attempt(root, "remote", "get-url", "origin").stdout.decode(errors="replace").strip()
        found = _ADDRESS.search(address)
        if found is None:
            raise LastroError(
                f"{address or 'is not set'}: is no repository on GitHub",
                where="origin",
                fix="git remote add origin, or export GITHUB_REPOSITORY=owner/repository",
            )
        os.environ["GITHUB_REPOSITORY"] = found[1]
    return from_environment()
