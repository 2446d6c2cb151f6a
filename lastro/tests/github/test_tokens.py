"""What a token may do: a job's by its `permissions`, a person's by the role."""

from __future__ import annotations

import subprocess

import pytest
import requests

from tests.github.conftest import clone, git

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        ({}, 403),
        ({"pull_requests": "read"}, 403),
        ({"issues": "write"}, 403),
        ({"pull_requests": "write"}, 201),
    ],
)
def test_comment_on_a_pull_request_needs_its_permission(model, job, permissions, status):
    model.commit("x", {"params.yaml": "depth: 4\n"})
    number = model.open_pull("x").number
    answer = job(**permissions)("POST", f"/issues/{number}/comments", json={"body": "hello"})
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["message"] == "Resource not accessible by integration"


@pytest.mark.parametrize(
    ("method", "path", "body", "need"),
    [
        ("GET", "/pulls", None, "pull_requests"),
        ("GET", "/actions/runs", None, "actions"),
        ("GET", "/commits/main/status", None, "statuses"),
        ("GET", "/commits/main/check-runs", None, "checks"),
        ("GET", "/contents/params.yaml", None, "contents"),
        ("GET", "/deployments", None, "deployments"),
        ("GET", "/issues", None, "issues"),
    ],
)
def test_reading_needs_read(job, method, path, body, need):
    assert job()(method, path, json=body).status_code == 403
    assert job(**{need: "read"})(method, path, json=body).status_code == 200


def test_administration_is_not_for_jobs(job, person):
    everything = job(contents="write", actions="write", pull_requests="write")
    assert everything("GET", "/actions/variables").status_code == 403
    assert person("root")("GET", "/actions/variables").status_code == 200


def test_write_of_a_fork_is_read(model, job):
    sha = model.git.sha("main")
    status = {"state": "success", "context": "c"}
    assert job(fork=True, statuses="write")("POST", f"/statuses/{sha}", json=status).status_code == 403
    assert job(statuses="write")("POST", f"/statuses/{sha}", json=status).status_code == 201


def test_token_of_another_repository_counts_nothing(github, model, job):
    github.fork("acme/model", "eve")
    other = github.job_token("eve/model", {"contents": "write"})
    headers = {"Authorization": f"Bearer {other.value}"}
    assert requests.get(model.api + "/contents/params.yaml", headers=headers, timeout=30).status_code == 403


def test_token_ends_with_its_job(job):
    caller = job(contents="read")
    caller.token.expired = True
    assert caller("GET", "/contents/params.yaml").status_code == 401


def test_unknown_scope_is_an_error(github, model):
    with pytest.raises(ValueError, match="unknown permission scope: content"):
        github.job_token("acme/model", {"content": "read"})


def test_push_needs_contents_write(github, model, tmp_path):
    reader = clone(tmp_path / "r", model, github.job_token("acme/model", {"contents": "read"}))
    writer = clone(tmp_path / "w", model, github.job_token("acme/model", {"contents": "write"}))
    for folder in (reader, writer):
        (folder / "new").write_text("x")
        git(folder, "add", "new")
        git(folder, "commit", "-qm", "More")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        git(reader, "push", "-q", "origin", "HEAD:refs/heads/x")
    assert "403" in refused.value.stderr
    git(writer, "push", "-q", "origin", "HEAD:refs/heads/x")
    assert model.git.sha("x") == git(writer, "rev-parse", "HEAD")


def test_clone_needs_a_token(model, tmp_path):
    command = ["git", "-c", "core.askPass=true", "clone", "-q", model.url, str(tmp_path / "c")]
    assert subprocess.run(command, capture_output=True, env={"PATH": "/usr/bin:/bin"}).returncode != 0
