"""Updates, proposals, releases, issues and settings: done twice they are done once."""

from __future__ import annotations

import json

import pytest

from lastro.drift.content import Column, Drift
from lastro.errors import LastroError
from lastro.github import drift, propose, release
from lastro.github.client import GitHub as Client
from lastro.github.settings import settings
from lastro.github.update import MARKER, update
from lastro.release.tags import ReleaseTag
from tests.github.commands import LOCK, checkout, client

pytestmark = pytest.mark.e2e


WORKFLOW = {".github/workflows/pull-request.yml": "on: workflow_dispatch\njobs: {}\n"}


def test_after_a_merge_each_pull_request_gets_what_it_needs(github, model, tmp_path, monkeypatch):
    lock = "a\nb\n{}\nd\ne\n"
    model.commit("main", WORKFLOW)
    model.commit("ours", {"dvc.lock": lock.format("ours")})
    fork = github.fork("acme/model", "eve")
    fork.commit("theirs", {"dvc.lock": lock.format("theirs")}, by="eve")
    model.commit("elsewhere", {"params.yaml": "depth: 5\n"})
    model.commit("fits", {"README.md": "x\n"})
    model.commit("bot", {"dvc.lock": lock.format("bot")})
    pulls = {
        name: model.open_pull(head, by=by)
        for name, head, by in [
            ("ours", "ours", "ada"),
            ("theirs", "eve:theirs", "eve"),
            ("elsewhere", "elsewhere", "ada"),
            ("fits", "fits", "ada"),
            ("bot", "bot", "dependabot[bot]"),
        ]
    }
    model.commit("main", {"dvc.lock": lock.format("main"), "params.yaml": "depth: 9\n"})
    model.events.clear()
    caller = client(github, monkeypatch, actions="write", contents="read", pull_requests="write")
    root = checkout(github, model, tmp_path / "clone")
    for _ in range(2):
        done = {found.pull.number: found.what for found in update(caller, root, "main")}
    assert "was started" in done[pulls["ours"].number]
    assert {e.ref for e in model.events if e.name == "workflow_dispatch"} == {"refs/heads/ours"}
    assert "left to its author: params.yaml" in done[pulls["elsewhere"].number]
    assert done[pulls["fits"].number] == "fits as it is"
    for outsider in ("theirs", "bot"):
        [comment] = pulls[outsider].comments
        assert comment["body"].startswith(MARKER)
        assert "lastro merge upstream/main" in comment["body"]
    assert pulls["ours"].comments == []


def test_a_proposal_is_one_branch_and_one_pull_request(github, model, tmp_path, monkeypatch):
    model.actions_may_open_pulls = True
    model.commit("main", WORKFLOW)
    caller = client(github, monkeypatch, actions="write", contents="write", pull_requests="write")
    root = checkout(github, model, tmp_path / "clone")

    def go(text: str):
        return propose.propose(caller, root, propose.RETRAIN, "main", {"dvc.lock": text.encode()})

    assert go("a\nb\nc\nd\ne\n") is None
    first = go(LOCK.replace("NAME", "one"))
    assert go(LOCK.replace("NAME", "two")) == first
    branch = propose.RETRAIN.branch
    assert model.git.read(model.git.sha(branch), "dvc.lock") == LOCK.replace("NAME", "two").encode()
    assert model.git.run("rev-list", "--count", f"main..{branch}") == "1"
    assert [e.ref for e in model.events if e.name == "workflow_dispatch"] == [f"refs/heads/{branch}"] * 2
    model.commit(branch, {"params.yaml": "depth: 8\n"})
    with pytest.raises(LastroError, match="has commits of"):
        go(LOCK.replace("NAME", "three"))
    assert model.git.read(model.git.sha(branch), "params.yaml") == b"depth: 8\n"


def test_a_release_is_made_once_and_keeps_what_a_rollback_wrote(github, model, tmp_path, monkeypatch):
    caller = client(github, monkeypatch, contents="write")
    model.tag("v1.0.0")
    (tmp_path / "dist").mkdir()
    for name, text in {"notes.md": "First", "model_card.md": "# Card"}.items():
        (tmp_path / "dist" / name).write_text(text)
    tag = ReleaseTag.parse("v1.0.0")
    release.publish(caller, tag, tmp_path / "dist")
    for _ in range(2):
        assert release.note(caller, "v1.0.0", "3", "In production again")
    (tmp_path / "dist" / "notes.md").write_text("Second")
    release.publish(caller, tag, tmp_path / "dist")
    [made] = model.releases.values()
    assert made["body"].startswith("Second")
    assert made["body"].count("In production again") == 1
    assert not made["draft"]
    assert [asset["name"] for asset in made["assets"]] == ["model_card.md"]
    assert not release.note(caller, "v9.9.9", "3", "nowhere")
    with pytest.raises(LastroError, match="lastro notes"):
        release.publish(caller, tag, tmp_path)


def found(**changes) -> Drift:
    column = Column(
        name="age|`@x`", kind="float", distance=0.5, p=1e-9, missing_before=0, missing_now=0, beyond=True
    )
    content = {
        "model_name": "churn",
        "release": "v1.0.0",
        "rows": 99,
        "columns": [column],
        "distance_limit": 0.2,
    }
    return Drift(**(content | changes))


def test_one_issue_for_drift(github, model, monkeypatch):
    caller = client(github, monkeypatch, issues="write")
    assert drift.open_issue(caller, found(columns=[])) is None
    caller.send("POST", "/labels", {"name": "drift", "color": "fbca04"})
    number = drift.open_issue(caller, found())
    assert drift.open_issue(caller, found(rows=120)) == number
    assert drift.open_issue(caller, found(columns=[])) == number
    [issue] = model.issues.values()
    assert "still fits" in issue.body


def test_settings_are_applied_twice_without_harm(github, model, root, monkeypatch):
    token = github.person_token("root")
    caller = Client(github.api_url, "acme/model", token.value)
    for _ in range(2):
        for setting in settings(root):
            setting.apply(caller)
    assert {r["name"] for r in model.rulesets.values()} == {"Default branch", "Release tags"}
    assert set(model.environments) == {"production", "staging"}
    wanted = json.loads((root / ".github" / "rulesets" / "default-branch.json").read_text())
    [made] = [r for r in model.rulesets.values() if r["name"] == "Default branch"]
    assert made["rules"] == wanted["rules"]
    assert "drift" in model.labels


@pytest.mark.parametrize(
    ("status", "said"), [(401, "not accepted"), (403, "may not do that"), (404, "may not see it")]
)
def test_what_github_refuses_is_one_line(github, model, status, said):
    token = {401: "wrong", 403: github.job_token("acme/model", {}).value, 404: ""}[status]
    caller = Client(
        github.api_url,
        "acme/model" if status != 404 else "acme/none",
        token or github.person_token("ada").value,
    )
    with pytest.raises(LastroError, match=said) as error:
        caller.send("POST", "/issues/1/comments", {"body": "x"})
    assert "\n" not in str(error.value)


def test_github_that_is_not_there_is_one_line(monkeypatch):
    caller = Client("http://127.0.0.1:9", "acme/model", "x")
    with pytest.raises(LastroError, match="run the job again"):
        caller.send("POST", "/issues/1/comments", {"body": "x"})
