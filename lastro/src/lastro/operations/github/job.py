"""What a job of GitHub Actions is given, and what a step leaves for later steps and for the reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lastro.core.check import Check, failed, ok, warning
from lastro.core.paths import page

NAME = "GitHub"
WHERE = "Settings, Secrets and variables, Actions"


def no_server() -> str:
    """Tell a repository without a tracking server what to set."""
    return (
        "no tracking server: MLFLOW_TRACKING_URI is not set, so nothing is registered or released here; set the variable "
        f"MLFLOW_TRACKING_URI and the secrets MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD ({WHERE}); "
        f"{page('server.md')} tells how to run a server"
    )


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


def examine() -> Iterator[Check]:
    """Yield the checks of a job; none outside of Actions."""
    if not in_actions():
        return
    missing = [n for n in ("GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_EVENT_NAME") if not os.environ.get(n)]
    if missing:
        fix = "run this in a step of a job, not in a bare container"
        yield failed(NAME, f"{', '.join(missing)}: not set", fix)
    else:
        yield ok(NAME, f"{os.environ['GITHUB_REPOSITORY']}, {os.environ['GITHUB_EVENT_NAME']}")
    if not os.environ.get("GITHUB_TOKEN"):
        fix = "env: GITHUB_TOKEN: ${{ github.token }} in the steps that comment or release"
        yield warning("GitHub token", "GITHUB_TOKEN is not set in this step", fix)
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    if not uri:
        return
    if not uri.startswith(("http", "azureml", "databricks", "postgresql", "mysql", "mssql")):
        fix = f"set the variable MLFLOW_TRACKING_URI to a server ({WHERE})"
        yield warning("GitHub tracking", f"{uri} is a file of the runner, lost with the job", fix)
    elif uri.startswith("http") and not (
        os.environ.get("MLFLOW_TRACKING_TOKEN")
        or (os.environ.get("MLFLOW_TRACKING_USERNAME") and os.environ.get("MLFLOW_TRACKING_PASSWORD"))
    ):
        fix = f"set the secrets MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD ({WHERE})"
        yield warning("GitHub tracking", "no credentials for the tracking server in this step", fix)
