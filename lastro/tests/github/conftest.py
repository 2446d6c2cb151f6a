"""The server, and a person at a keyboard who talks to it with requests and git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import requests

from tests.github.server import GitHub, Repository, Token


@pytest.fixture
def github(tmp_path):
    """A GitHub without repositories; a request or an answer that breaks its description fails the test."""
    server = GitHub(tmp_path / "github")
    yield server
    server.close()
    assert server.violations == []


@pytest.fixture
def model(github) -> Repository:
    """acme/model with one commit on main; ada may write, eve may read, root administers."""
    repository = github.repository("acme/model", roles={"ada": "write", "eve": "read", "root": "admin"})
    repository.commit("main", {"params.yaml": "depth: 3\n", "dvc.lock": "a\nb\nc\nd\ne\n"}, "First")
    return repository


class Caller:
    """Requests with one token to one repository's endpoints."""

    def __init__(self, repository: Repository, token: Token):
        self.repository, self.token = repository, token

    def __call__(self, method: str, path: str, **options) -> requests.Response:
        url = path if path.startswith("http") else self.repository.api + path
        headers = {"Authorization": f"Bearer {self.token.value}"}
        return requests.request(method, url, headers=headers, allow_redirects=False, timeout=30, **options)


@pytest.fixture
def job(github, model):
    """A job's token by its permissions, as a caller."""
    return lambda fork=False, **p: Caller(
        model, github.job_token("acme/model", {k.replace("_", "-"): v for k, v in p.items()}, fork=fork)
    )


@pytest.fixture
def person(github, model):
    return lambda login, repository=model: Caller(repository, github.person_token(login))


def clone(folder: Path, repository: Repository, token: Token, branch: str = "main") -> Path:
    """A clone over HTTP with the token in its address."""
    url = repository.url.replace("://", f"://x-access-token:{token.value}@")
    git(folder.parent, "clone", "-q", "-b", branch, url, str(folder))
    git(folder, "config", "user.name", token.actor)
    git(folder, "config", "user.email", "someone@example.com")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()
