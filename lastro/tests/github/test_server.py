"""The other endpoints, and that what GitHub's description does not have is refused and remembered."""

from __future__ import annotations

import json

import pytest
import requests

from tests.github.openapi import description
from tests.github.server import GitHub
from tests.github.server.routing import ROUTES

pytestmark = pytest.mark.e2e


def test_every_route_is_in_the_description():
    for route in ROUTES:
        assert description().operation(route.method, route.template).spec["x-github"]["category"]


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/issues/1/comments", {"text": "hello"}, "field text is unknown"),
        ("POST", "/issues/1/comments", None, "the body is missing"),
        ("GET", "/issues?labels=a&color=red", None, "query parameter color is unknown"),
        ("GET", "/issues?per_page=many", None, "is not of type"),
        ("POST", "/issues", {"body": "without a title"}, "title"),
        ("GET", "/nothing/here", None, "not a path"),
    ],
)
def test_violations_are_refused_and_remembered(tmp_path, method, path, body, says):
    github = GitHub(tmp_path / "github")
    model = github.repository("acme/model")
    model.commit("main", {"a": "b"})
    model.open_issue("First")
    token = github.job_token("acme/model", {"issues": "write"})
    headers = {"Authorization": f"token {token.value}"}
    answer = requests.request(method, model.api + path, json=body, headers=headers, timeout=30)
    assert answer.status_code in (404, 422)
    assert says in github.violations[0]
    github.close()


def test_answers_are_checked_too(tmp_path):
    operation = description().operation("GET", "/repos/{owner}/{repo}/issues/{issue_number}")
    assert operation.answer_errors(200, {"id": 1})
    assert operation.answer_errors(418, None) == []
    assert operation.answer_errors(202, {}) == ["GitHub does not answer 202 here"]


def test_pages_and_links(model, job):
    model.open_issue("One")
    caller = job(issues="write")
    for number in range(7):
        assert caller("POST", "/issues/1/comments", json={"body": str(number)}).status_code == 201
    got, url = [], "/issues/1/comments?per_page=3"
    while url:
        answer = caller("GET", url)
        got += [comment["body"] for comment in answer.json()]
        url = answer.links.get("next", {}).get("url")
    assert got == list("0123456")


def test_issues_by_label(model, job):
    caller = job(issues="write")
    made = caller("POST", "/issues", json={"title": "Drift", "labels": ["drift"]}).json()
    caller("POST", "/issues", json={"title": "Other"})
    found = caller("GET", "/issues?labels=drift&state=open").json()
    assert [issue["number"] for issue in found] == [made["number"]]
    caller("PATCH", f"/issues/{made['number']}", json={"state": "closed", "state_reason": "completed"})
    assert caller("GET", "/issues?labels=drift&state=open").json() == []


def test_statuses(model, job):
    caller, sha = job(statuses="write"), model.git.sha("main")
    for state in ("pending", "failure", "success"):
        body = {
            "state": state,
            "context": "verdict",
            "description": "d",
            "target_url": "https://example.com/",
        }
        assert caller("POST", f"/statuses/{sha}", json=body).status_code == 201
    combined = caller("GET", f"/commits/{sha}/status").json()
    assert (combined["state"], combined["total_count"]) == ("success", 1)
    assert len(caller("GET", f"/commits/{sha}/statuses").json()) == 3


def test_release_from_draft_to_published(model, job):
    caller = job(contents="write")
    model.tag("v1.0.0")
    made = caller("POST", "/releases", json={"tag_name": "v1.0.0", "draft": True, "body": "card"}).json()
    assert caller("GET", "/releases/tags/v1.0.0").status_code == 404
    upload = made["upload_url"].partition("{")[0]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {caller.token.value}"}
    data = json.dumps({"f1": 0.9}).encode()
    answer = requests.post(f"{upload}?name=metrics.json", data=data, headers=headers, timeout=30)
    assert answer.status_code == 201
    assert (
        requests.post(f"{upload}?name=metrics.json", data=data, headers=headers, timeout=30).status_code
        == 422
    )
    assert job(contents="read")("GET", "/releases").json() == []
    caller("PATCH", f"/releases/{made['id']}", json={"draft": False})
    found = job(contents="read")("GET", "/releases/tags/v1.0.0").json()
    assert [asset["name"] for asset in found["assets"]] == ["metrics.json"]


def test_artifact_by_redirect(model, job):
    model.runs[7] = {
        "id": 7,
        "name": "CI",
        "path": ".github/workflows/ci.yml",
        "event": "pull_request",
        "actor": "ada",
    }
    model.runs[7] |= {"head_branch": "x", "head_sha": model.git.sha("main"), "status": "completed"}
    (model.folder("artifacts", "7") / "report.zip").write_bytes(b"PK")
    caller = job(actions="read")
    found = caller("GET", "/actions/runs/7/artifacts").json()["artifacts"]
    answer = caller("GET", found[0]["archive_download_url"])
    assert answer.status_code == 302
    link = answer.headers["Location"]
    assert requests.get(link, timeout=30).content == b"PK"
    assert caller("GET", link).status_code == 400, "storage refuses a request that carries a token"


def test_refs_environments_variables_comparison(model, job, person):
    caller, root = job(contents="write", actions="read"), person("root")
    first = model.git.sha("main")
    second = model.commit("x", {"params.yaml": "depth: 4\n"})
    assert caller("GET", "/git/ref/heads/x").json()["object"]["sha"] == second
    assert caller("GET", f"/compare/{first}...x").json()["ahead_by"] == 1
    assert caller("POST", "/git/refs", json={"ref": "refs/tags/v1", "sha": first}).status_code == 201
    assert caller("POST", "/git/refs", json={"ref": "refs/tags/v1", "sha": second}).status_code == 422
    environment = {"reviewers": [{"type": "User", "id": 1}], "deployment_branch_policy": None}
    assert root("PUT", "/environments/production", json=environment).status_code == 200
    rules = caller("GET", "/environments/production").json()["protection_rules"]
    assert [rule["type"] for rule in rules] == ["required_reviewers"]
    assert root("POST", "/actions/variables", json={"name": "RUNNER", "value": "x"}).status_code == 201
    assert root("GET", "/actions/variables/RUNNER").json()["value"] == "x"
