"""Refreshed pull requests, proposals, releases, issues and settings: all of it is idempotent."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from lastro.cli.github import github as github_command
from lastro.core.errors import LastroError
from lastro.operations.github import pulls, release
from lastro.operations.github.branch import commit_lock
from lastro.operations.github.client import GitHub as Client
from lastro.operations.github.pulls import MARKER, refresh
from lastro.operations.github.settings import settings
from lastro.operations.release.tags import ReleaseTag
from lastro.operations.report.drift import Column, Drift
from tests.github.commands import LOCK, a_run, checkout, client

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
        done = {found.pull.number: found.what for found in refresh(caller, root, "main")}
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
        return pulls.propose(caller, root, pulls.RETRAIN, "main", {"dvc.lock": text.encode()})

    assert go("a\nb\nc\nd\ne\n") is None
    first = go(LOCK.replace("NAME", "one"))
    assert go(LOCK.replace("NAME", "two")) == first
    branch = pulls.RETRAIN.branch
    assert model.git.read(model.git.sha(branch), "dvc.lock") == LOCK.replace("NAME", "two").encode()
    assert model.git.run("rev-list", "--count", f"main..{branch}") == "1"
    assert [e.ref for e in model.events if e.name == "workflow_dispatch"] == [f"refs/heads/{branch}"] * 2
    model.commit(branch, {"params.yaml": "depth: 8\n"})
    with pytest.raises(LastroError, match="has commits of"):
        go(LOCK.replace("NAME", "three"))
    # The workflow's own commit on top of it, with the new lock, makes it no less theirs.
    root = checkout(github, model, tmp_path / "pipeline", branch)
    commit_lock(root, model.git.sha(branch), branch, LOCK.replace("NAME", "their own").encode())
    with pytest.raises(LastroError, match="has commits of"):
        go(LOCK.replace("NAME", "three"))
    assert model.git.read(model.git.sha(branch), "params.yaml") == b"depth: 8\n"


def test_where_no_workflow_may_open_pull_requests_the_branch_is_there(
    github, model, tmp_path, monkeypatch, capsys
):
    model.commit("main", {**WORKFLOW, "dvc.yaml": "stages: {}\n"})
    client(github, monkeypatch, actions="write", contents="write", pull_requests="write")
    root = checkout(github, model, tmp_path / "clone")
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "dvc.lock").write_text(LOCK.replace("NAME", "one"))
    for name, value in {"API_URL": github.api_url, "REPOSITORY": "acme/model"}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    monkeypatch.chdir(root)
    for _ in range(2):
        github_command.main(
            ["retrain", "--base", "main", "--from", str(tmp_path / "incoming")], standalone_mode=False
        )
        said = capsys.readouterr().out
        assert "lastro/retrain is there" in said
        assert "make github-setup ARGS=--apply" in said
    assert model.git.sha("lastro/retrain")


def test_one_pull_request_that_github_refuses_stops_no_other(github, model, tmp_path, monkeypatch):
    lock = "a\nb\n{}\nd\ne\n"
    # Its branch has no such workflow yet.
    model.commit("old", {"dvc.lock": lock.format("old")})
    model.commit("main", WORKFLOW)
    model.commit("new", {"dvc.lock": lock.format("new")})
    old, new = model.open_pull("old"), model.open_pull("new")
    model.commit("main", {"dvc.lock": lock.format("main")})
    caller = client(github, monkeypatch, actions="write", contents="read", pull_requests="write")
    done = {
        found.pull.number: found for found in refresh(caller, checkout(github, model, tmp_path / "c"), "main")
    }
    assert done[old.number].refused
    assert "was started" in done[new.number].what


def test_what_was_started_at_its_commit_is_not_started_again(github, model, tmp_path, monkeypatch):
    lock = "a\nb\n{}\nd\ne\n"
    model.commit("main", WORKFLOW)
    model.commit("ours", {"dvc.lock": lock.format("ours")})
    pull = model.open_pull("ours")
    model.commit("main", {"dvc.lock": lock.format("main")})
    caller = client(github, monkeypatch, actions="write", contents="read", pull_requests="write")
    root = checkout(github, model, tmp_path / "clone")

    def go(**options) -> str:
        return {found.pull.number: found.what for found in refresh(caller, root, "main", **options)}[
            pull.number
        ]

    assert "was started" in go(once=True)
    a_run(model, 7, model.git.sha("ours"), model)
    assert "was started" in go(once=True), "a pull request's own run is none by dispatch"
    model.runs[7]["event"] = "workflow_dispatch"
    assert "before" in go(once=True)
    assert "was started" in go()
    model.commit("ours", {"params.yaml": "depth: 4\n"})
    assert "was started" in go(once=True), "its author went on"


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
    assert caller.get("/releases/latest")["tag_name"] == "v1.0.0"
    # Another one is the latest by now, whatever is repeated late.
    model.tag("v1.1.0")
    release.publish(caller, ReleaseTag.parse("v1.1.0"), tmp_path / "dist")
    caller.send("POST", "/releases", {"tag_name": "mine", "make_latest": "false"})
    release.publish(caller, tag, tmp_path / "dist")
    assert caller.get("/releases/latest")["tag_name"] == "v1.1.0"
    # GitHub takes title and text alone of what is immutable.
    model.immutable_releases = True
    (tmp_path / "dist" / "notes.md").write_text("Third")
    release.publish(caller, tag, tmp_path / "dist")
    assert caller.get("/releases/tags/v1.0.0")["body"].startswith("Third")
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
    assert pulls.drift_issue(caller, found(columns=[])) is None
    caller.send("POST", "/labels", {"name": "drift", "color": "fbca04"})
    number = pulls.drift_issue(caller, found())
    assert pulls.drift_issue(caller, found(rows=120)) == number
    assert pulls.drift_issue(caller, found(columns=[])) == number
    [issue] = model.issues.values()
    assert "still fits" in issue.body
    assert pulls.drift_issue(caller, found(release="v1.1.0")) == number
    assert "v1.1.0" in issue.title
    # Nothing could be compared: what was found stays.
    assert pulls.drift_issue(caller, Drift(model_name="churn", not_compared="3 new rows")) == number
    assert "moved away" in issue.body


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
    policies = {(p["name"], p["type"]) for p in model.environments["production"]["policies"]}
    assert policies == {("main", "branch"), ("v*", "tag")}


def test_settings_keep_the_reviewers_that_somebody_has_chosen(github, model, root, monkeypatch):
    caller = Client(github.api_url, "acme/model", github.person_token("root").value)
    caller.send("PUT", "/environments/production", {"reviewers": [{"type": "User", "id": 77}]})
    before = caller.get("/environments/production")["protection_rules"]
    for setting in settings(root):
        setting.apply(caller)
    assert caller.get("/environments/production")["protection_rules"] == before
    assert model.environments["production"]["policies"]


def test_what_a_plan_lacks_is_said_and_the_rest_is_set(github, model, root, monkeypatch, capsys):
    model.reviewers_allowed = False
    for name, value in {"API_URL": github.api_url, "REPOSITORY": "acme/model"}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    monkeypatch.setenv("GITHUB_TOKEN", github.person_token("root").value)
    monkeypatch.chdir(root)
    with pytest.raises(LastroError, match="1 of the settings"):
        github_command.main(["setup", "--apply"], standalone_mode=False)
    said = capsys.readouterr().out
    assert "refused (environment production: GitHub takes no reviewers here" in said
    assert model.environments["production"]["policies"]
    assert model.environments["staging"]["policies"]


def test_a_write_to_a_repository_that_has_another_name_now_is_an_error(github, model, monkeypatch):
    github.renamed["acme/model"] = "acme/newer"
    caller = Client(github.api_url, "acme/model", github.person_token("root").value)
    with pytest.raises(LastroError, match="git remote set-url origin"):
        caller.send("PATCH", "", {"allow_update_branch": True})


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


def test_an_update_is_proposed_with_its_conflicts_named(github, model, tmp_path, monkeypatch, capsys):
    files = {"a.txt": "a\n", "gone.txt": "x\n", ".copier-answers.yml": "_commit: v0.2.0\n"}
    model.commit("main", {**WORKFLOW, "dvc.yaml": "stages: {}\n", **files})
    client(github, monkeypatch, actions="write", contents="write", pull_requests="write")
    model.actions_may_open_pulls = True
    root = checkout(github, model, tmp_path / "clone")
    for name, value in {"API_URL": github.api_url, "REPOSITORY": "acme/model"}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    monkeypatch.chdir(root)
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    (incoming / "dev.lock").write_text("newer\n")

    def go() -> Any:
        github_command.main(
            ["propose-locks", "--base", "main", "--from", str(incoming)], standalone_mode=False
        )
        [pull] = [pull for pull in model.pulls if pull.branch == pulls.LOCKS.branch]
        return pull

    # Without an update what lies in the working tree is nobody's business.
    (root / "a.txt").write_text("mine\n")
    assert "Lastro" not in go().title
    assert model.git.run("diff", "--name-only", "main", pulls.LOCKS.branch) == "requirements/dev.lock"

    (root / ".copier-answers.yml").write_text("_commit: v0.3.0\n")
    (root / "new.txt").write_text("new\n")
    (root / "gone.txt").unlink()
    conflict = "<<<<<<< before updating\na\n=======\nb\n>>>>>>> after updating\n"
    (root / "a.txt").write_text(conflict)
    oid = subprocess.run(
        ["git", "hash-object", "-w", "a.txt"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    stages = "".join(f"100644 {oid} {stage}\ta.txt\n" for stage in (1, 2, 3))
    unmerged = f"0 {'0' * 40}\ta.txt\n{stages}"
    subprocess.run(["git", "update-index", "--index-info"], cwd=root, input=unmerged, text=True, check=True)
    pull = go()
    assert "Lastro" in pull.title
    assert "**Conflicts**" in pull.body
    assert "- `a.txt`" in pull.body
    assert "new.txt" not in pull.body
    changed = model.git.run("diff", "--name-only", "main", pull.head).splitlines()
    assert changed == [".copier-answers.yml", "a.txt", "gone.txt", "new.txt", "requirements/dev.lock"]
    assert model.git.read(pull.head, "a.txt") == conflict.encode()
    assert model.git.run("ls-tree", "--name-only", pull.head, "gone.txt") == ""
