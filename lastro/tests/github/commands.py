"""Lastro's GitHub commands against the tests' server: a caller with a job's token, and a clone as a job has it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from lastro.operations.github.client import GitHub as Client
from tests.github.conftest import git
from tests.github.server import GitHub, Repository

LOCK = "schema: '2.0'\nstages:\n  prepare: {cmd: NAME}\n"


def report(**changes: object) -> dict:
    """A small report that is valid."""
    content = {
        "model_name": "churn",
        "family": "xgboost",
        "task": "classification",
        "rows": 10,
        "model": "0" * 32,
        "lock": "unchanged",
        "changes": [],
        "primary": "roc_auc",
        "metrics": [],
        "base": {"name": "origin/main", "same": True},
        "production": {"name": "production", "missing": "nothing is in production yet"},
        "slices": [],
        "passed": True,
        "rules": [],
        "charts": [],
    }
    return content | changes


def client(github: GitHub, monkeypatch, **permissions: str) -> Client:
    """As a step with `env: GITHUB_TOKEN` has it."""
    granted = {name.replace("_", "-"): level for name, level in permissions.items()}
    token = github.job_token("acme/model", granted)
    monkeypatch.setenv("GITHUB_TOKEN", token.value)
    monkeypatch.setenv("GITHUB_SERVER_URL", github.url)
    return Client(github.api_url, "acme/model", token.value)


def checkout(github: GitHub, repository: Repository, folder: Path, branch: str = "main") -> Path:
    """A clone without credentials in it, as actions/checkout leaves one with `persist-credentials: false`."""
    token = github.job_token("acme/model", {"contents": "read"})
    address = repository.url.replace("://", f"://x-access-token:{token.value}@")
    git(folder.parent, "clone", "-q", "-b", branch, address, str(folder))
    git(folder, "remote", "set-url", "origin", repository.url)
    return folder


def artifact(repository: Repository, run: int, files: dict[str, bytes], name: str = "report") -> Path:
    """An artifact of a workflow run, as any code of that run may have made it."""
    path = repository.folder("artifacts", str(run)) / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inner, content in files.items():
            archive.writestr(inner, content)
    return path


def a_run(repository: Repository, number: int, head: str, source: Repository) -> int:
    """A workflow run that the API knows."""
    repository.runs[number] = {
        "id": number,
        "name": "Pull request",
        "path": ".github/workflows/pull-request.yml",
        "event": "pull_request",
        "status": "completed",
        "conclusion": "success",
        "head_branch": "x",
        "head_sha": head,
        "run_number": 1,
        "run_attempt": 1,
        "actor": "eve",
        "head_repository": source,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "run_started_at": "2026-01-01T00:00:00Z",
    }
    return number


def as_bytes(content: object) -> bytes:
    return json.dumps(content).encode()
