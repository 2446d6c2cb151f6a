"""What a step leaves for later steps and for the reader of the job."""

from __future__ import annotations

import os
from pathlib import Path


def output(**values: str) -> None:
    """Outputs of the step, where GitHub gives a file for them. Raises ValueError for a value of more than one line."""
    for name, value in values.items():
        if "\n" in value or "\r" in value:
            raise ValueError(f"{name}: an output is one line here")
    _append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in values.items()))


def summary(text: str) -> None:
    """Markdown on the page of the job, where there is one."""
    _append("GITHUB_STEP_SUMMARY", f"{text.rstrip()}\n\n")


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
