"""What act does not honour, as GitHub's own parser and expressions see it: which event starts what, one at a time or
not, in which environment."""

from __future__ import annotations

import pytest

from tests.github.workflows import Workflow, evaluate, interpolate, parse
from tests.workflows.conftest import FILES, ROOT

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def workflows() -> dict[str, Workflow]:
    """By file name; GitHub's parser accepts them all."""
    return {file.name: parse(str(file.relative_to(ROOT)), file.read_text()) for file in FILES}


@pytest.mark.parametrize(
    ("event", "asked", "started"),
    [
        ("push", {"ref": "refs/heads/main"}, {"code.yml", "docs.yml", "register.yml", "refresh-pulls.yml"}),
        ("push", {"ref": "refs/heads/deeper"}, {"refresh-pulls.yml"}),
        ("push", {"ref": "refs/heads/v1.0.0"}, {"refresh-pulls.yml"}),
        ("push", {"ref": "refs/heads/a/b"}, {"refresh-pulls.yml"}),
        ("push", {"ref": "refs/heads/dependabot/uv/x"}, set()),
        ("push", {"ref": "refs/heads/gh-readonly-queue/main/pr-1"}, set()),
        ("push", {"ref": "refs/tags/v1.0.0"}, {"release.yml"}),
        ("push", {"ref": "refs/tags/v1.0.0-rc.1"}, {"release.yml"}),
        ("push", {"ref": "refs/tags/v9/main"}, set()),
        ("push", {"ref": "refs/tags/main"}, set()),
        ("pull_request", {"ref": "refs/heads/main", "action": "opened"}, {"pull-request.yml"}),
        ("pull_request", {"ref": "refs/heads/main", "action": "synchronize"}, {"pull-request.yml"}),
        ("pull_request", {"ref": "refs/heads/main", "action": "closed"}, set()),
        ("merge_group", {"ref": "refs/heads/main", "action": "checks_requested"}, {"pull-request.yml"}),
        ("workflow_run", {"name": "Pull request", "action": "completed"}, {"comment.yml"}),
        ("workflow_run", {"name": "Pull request", "action": "requested"}, set()),
        ("workflow_run", {"name": "Comment", "action": "completed"}, set()),
        ("workflow_dispatch", {"name": "rollback.yml"}, {"rollback.yml"}),
        ("workflow_dispatch", {"name": "release.yml"}, set()),
        ("pull_request_target", {"ref": "refs/heads/main", "action": "opened"}, set()),
    ],
)
def test_who_starts_what(workflows, event, asked, started):
    assert {name for name, of in workflows.items() if of.starts(event, **asked)} == started


def test_every_schedule_is_answered(workflows):
    lines = [line["cron"] for of in workflows.values() for line in of.on.get("schedule", ())]
    assert len(lines) == len(set(lines)), "two workflows at the same minute"
    for line in lines:
        assert not line.startswith("0 "), "the full hour is when everybody's schedules start"


def group(workflow: Workflow, **contexts) -> str:
    base = {"github": {"ref": "", "sha": "", "event": {}}, "inputs": {}, "vars": {}}
    return interpolate(workflow.workflow["concurrency"]["group"], base | contexts)


def test_a_pull_requests_new_commit_stops_the_run_of_the_old_one(workflows):
    workflow = workflows["pull-request.yml"]
    first, second = (
        {"ref": f"refs/pull/{n}/merge", "event": {"pull_request": {"number": n}}} for n in (1, 2)
    )
    assert group(workflow, github=first) == group(workflow, github=first)
    assert group(workflow, github=first) != group(workflow, github=second)
    assert workflow.workflow["concurrency"]["cancel-in-progress"] is True
    # The run for the commit that the workflow made itself cancels no other.
    assert group(workflow, github=first | {"actor": "github-actions[bot]"}) != group(workflow, github=first)


def test_merges_register_one_after_the_other(workflows):
    concurrency = workflows["register.yml"].workflow["concurrency"]
    assert concurrency == {"group": "register", "cancel-in-progress": False, "queue": "max"}


@pytest.mark.parametrize(
    ("tag", "environment"),
    [("v1.0.0", "production"), ("v1.0.0-rc.1", "staging"), ("v1.0.0-rc", "production")],
)
def test_releases_go_through_their_environment_one_after_the_other(workflows, tag, environment):
    deploy = workflows["release.yml"].jobs["deploy"]
    contexts = {"github": {"ref_name": tag, "ref": f"refs/tags/{tag}"}}
    assert interpolate(deploy["environment"], contexts) == environment
    assert interpolate(deploy["concurrency"]["group"], contexts) == f"deploy-{environment}"
    assert deploy["concurrency"]["cancel-in-progress"] is False


def test_only_production_may_be_rolled_back_and_not_during_a_release(workflows):
    jobs = workflows["rollback.yml"].jobs
    contexts = {"github": {"ref_name": "v1.0.0", "ref": "refs/tags/v1.0.0"}}
    deploy = interpolate(workflows["release.yml"].jobs["deploy"]["concurrency"]["group"], contexts)
    assert jobs["rollback"]["concurrency"]["group"] == deploy
    assert jobs["rollback"]["environment"] == "production"
    assert "environment" not in jobs["plan"], "what is planned is shown before anybody approves"


@pytest.mark.parametrize(
    ("event", "head", "login", "branch", "trusted"),
    [
        ("pull_request", "acme/model", "ada", "x", "true"),
        ("pull_request", "acme/model", "dependabot[bot]", "dependabot/uv/x", "false"),
        ("pull_request", "acme/model", "github-actions[bot]", "lastro/retrain", "true"),
        ("pull_request", "acme/model", "github-actions[bot]", "lastro/dependencies", "false"),
        ("pull_request", "eve/model", "eve", "x", "false"),
        ("pull_request", "eve/acme/model", "ada", "x", "false"),
        ("merge_group", None, None, "gh-readonly-queue/main/pr-1", "true"),
        ("workflow_dispatch", None, None, "x", "true"),
        ("workflow_dispatch", None, None, "lastro/dependencies", "false"),
    ],
)
def test_whose_code_is_trusted_with_secrets(workflows, event, head, login, branch, trusted):
    pull = {"head": {"repo": {"full_name": head}}, "user": {"login": login}} if head else None
    github = {"event_name": event, "repository": "acme/model", "event": {"pull_request": pull}}
    github |= {"ref_name": "1/merge", "head_ref": branch} if head else {"ref_name": branch, "head_ref": ""}
    value = interpolate(workflows["pull-request.yml"].workflow["env"]["LASTRO_TRUSTED"], {"github": github})
    assert str(value).lower() == trusted


def test_the_comment_of_a_fork_is_for_forks_and_dependabot(workflows):
    text = workflows["comment.yml"].jobs["comment"]["if"].strip().removeprefix("${{").removesuffix("}}")

    def runs(event: str, head: str, branch: str, conclusion: str = "failure") -> bool:
        run = {"event": event, "head_repository": {"full_name": head}, "head_branch": branch}
        run["conclusion"] = conclusion
        return (
            evaluate(text, {"github": {"event": {"workflow_run": run}, "repository": "acme/model"}}) is True
        )

    assert runs("pull_request", "eve/model", "x")
    assert runs("pull_request", "acme/model", "dependabot/github_actions/actions-1")
    assert not runs("pull_request", "acme/model", "x")
    assert not runs("push", "eve/model", "x")
    assert runs("pull_request", "eve/model", "x", "success")
    for nothing_to_tell in ("cancelled", "action_required", "skipped"):
        assert not runs("pull_request", "eve/model", "x", nothing_to_tell)


@pytest.mark.parametrize(
    ("event", "ref", "repository", "once"),
    [
        ("push", "main", {"default_branch": "main"}, "false"),
        ("push", "x", {"default_branch": "main"}, "true"),
        ("schedule", "main", None, "true"),
        ("workflow_dispatch", "main", {"default_branch": "main"}, "false"),
    ],
)
def test_after_a_merge_all_are_updated_otherwise_what_was_not_begun(workflows, event, ref, repository, once):
    of = workflows["refresh-pulls.yml"]
    github = {"event_name": event, "ref_name": ref, "event": {"repository": repository}}
    branch = interpolate(of.workflow["env"]["DEFAULT_BRANCH"], {"github": github})
    assert branch == "main"
    asked = of.jobs["update"]["steps"][-1]["env"]["LASTRO_ONCE"]
    assert str(interpolate(asked, {"github": github, "env": {"DEFAULT_BRANCH": branch}})).lower() == once
