"""Pull requests as Git has them: heads, merges, conflicts, forks, the merge queue; and the events that they leave."""

from __future__ import annotations

import pytest

from tests.github.conftest import clone, git

pytestmark = pytest.mark.e2e


def seen(repository):
    """The events since last time, shortly."""
    found = [(e.name, e.payload.get("action"), e.ref, e.fork) for e in repository.events]
    repository.events.clear()
    return found


def test_life_of_a_pull_request(model, job):
    caller = job(pull_requests="read")
    model.events.clear()
    head = model.commit("x", {"params.yaml": "depth: 4\n"})
    pull = model.open_pull("x", "Deeper")
    assert seen(model) == [
        ("push", None, "refs/heads/x", False),
        ("pull_request", "opened", "refs/pull/1/merge", False),
    ]
    assert model.git.sha("refs/pull/1/head") == head
    assert [caller("GET", "/pulls/1").json()["mergeable"] for _ in range(2)] == [None, True]
    assert [p["number"] for p in caller("GET", f"/commits/{head}/pulls").json()] == [1]
    model.commit("x", {"params.yaml": "depth: 5\n"})
    assert seen(model)[-1] == ("pull_request", "synchronize", "refs/pull/1/merge", False)
    merged = model.merge(1)
    assert model.git.sha("main") == merged
    assert caller("GET", "/pulls/1").json()["merged"] is True
    assert seen(model) == [
        ("push", None, "refs/heads/main", False),
        ("pull_request", "closed", "refs/heads/main", False),
    ]
    assert not pull.open


def test_conflict_starts_no_run(model, job):
    for name in ("x", "y"):
        model.commit(name, {"dvc.lock": f"a\nb\n{name}\nd\ne\n"}, start="main")
        model.open_pull(name)
    model.merge(1)
    seen(model)
    model.commit("y", {"params.yaml": "depth: 9\n"})
    assert seen(model) == [("push", None, "refs/heads/y", False)]
    caller = job(pull_requests="read")
    answers = [caller("GET", "/pulls/2").json() for _ in range(2)]
    assert [(a["mergeable"], a["mergeable_state"]) for a in answers] == [(None, "unknown"), (False, "dirty")]
    assert model.git.sha("refs/pull/2/merge") is None


def test_push_with_a_jobs_token_starts_nothing(github, model, tmp_path):
    model.commit("x", {"params.yaml": "depth: 4\n"})
    model.open_pull("x")
    model.events.clear()
    work = clone(tmp_path / "work", model, github.job_token("acme/model", {"contents": "write"}), "x")
    git(work, "commit", "-q", "--allow-empty", "-m", "Lock")
    git(work, "push", "-q", "origin", "x")
    assert model.pull(1).head == git(work, "rev-parse", "HEAD")
    assert model.events == []


def test_push_of_a_person_is_an_event_of_a_fork(github, model, tmp_path):
    fork = github.fork("acme/model", "eve")
    fork.commit("main", {"params.yaml": "depth: 8\n"}, by="eve")
    pull = model.open_pull("eve:main", by="eve")
    event = model.events[-1]
    assert (event.fork, event.payload["pull_request"]["head"]["repo"]["full_name"]) == (True, "eve/model")
    work = clone(tmp_path / "work", fork, github.person_token("eve"))
    git(work, "commit", "-q", "--allow-empty", "-m", "More")
    git(work, "push", "-q", "origin", "main")
    assert model.events[-1].payload["action"] == "synchronize"
    assert model.git.sha("refs/pull/1/head") == pull.head == git(work, "rev-parse", "HEAD")


def test_stale_push_is_rejected(github, model, tmp_path):
    token = github.person_token("ada")
    work = clone(tmp_path / "work", model, token)
    model.commit("main", {"params.yaml": "depth: 4\n"})
    git(work, "commit", "-q", "--allow-empty", "-m", "Late")
    with pytest.raises(Exception, match="non-zero exit status"):
        git(work, "push", "-q", "origin", "main")


def test_jobs_open_pull_requests_only_where_the_setting_allows_it(model, job, person):
    model.commit("x", {"params.yaml": "depth: 4\n"})
    caller, body = job(pull_requests="write"), {"title": "Retrain", "head": "x", "base": "main"}
    answer = caller("POST", "/pulls", json=body)
    assert (answer.status_code, "not permitted to create" in answer.text) == (403, True)
    setting = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}
    assert person("root")("PUT", "/actions/permissions/workflow", json=setting).status_code == 204
    model.events.clear()
    assert caller("POST", "/pulls", json=body).status_code == 201
    assert model.events == [], "what a job's token does starts no workflow"
    assert caller("POST", "/pulls", json=body).status_code == 422


def test_merge_queue(model):
    model.commit("x", {"params.yaml": "depth: 4\n"})
    model.open_pull("x")
    branch = model.enqueue(1)
    assert model.events[-1].name == "merge_group"
    assert model.git.sha(branch) == model.events[-1].payload["merge_group"]["head_sha"]
    model.leave_queue(branch, merged=True)
    assert not model.pull(1).open
    assert model.git.read("main", "params.yaml") == b"depth: 4\n"


def test_ruleset_refuses_pushes(github, model, person, tmp_path):
    rules = {
        "name": "main",
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "rules": [{"type": "deletion"}, {"type": "non_fast_forward"}, {"type": "update"}],
    }
    assert person("ada")("POST", "/rulesets", json=rules).status_code == 403
    assert person("root")("POST", "/rulesets", json=rules).status_code == 201
    work = clone(tmp_path / "work", model, github.person_token("ada"))
    git(work, "commit", "-q", "--allow-empty", "-m", "Direct")
    with pytest.raises(Exception, match="non-zero exit status") as refused:
        git(work, "push", "-q", "origin", "main")
    assert "GH013" in refused.value.stderr
    git(work, "push", "-q", "origin", "main:refs/heads/other")
