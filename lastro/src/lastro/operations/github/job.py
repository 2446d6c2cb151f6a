"""What a step leaves for later steps and for the reader of the job."""

from __future__ import annotations

import os
from pathlib import Path


def in_actions() -> bool:
    """Return whether this is a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def output(**values: str) -> None:
    """Write outputs of the step to GITHUB_OUTPUT, where that is set. Raises ValueError for more than one line."""
    for name, value in values.items():
        if "\n" in value or "\r" in value:
            raise ValueError(f"{name}: an output is one line here")
    _append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in values.items()))


def summary(text: str) -> None:
    """Write Markdown to the page of the job, where GITHUB_STEP_SUMMARY is set."""
    _append("GITHUB_STEP_SUMMARY", f"{text.rstrip()}\n\n")


def run_url() -> str:
    """Return the page of the workflow run; empty outside of one."""
    words = [os.environ.get(f"GITHUB_{word}", "") for word in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*words) if all(words) else ""


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
