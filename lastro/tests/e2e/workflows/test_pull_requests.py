"""A new repository without any server or remote: its first push, its pull requests, and an update of Lastro."""

from __future__ import annotations

import pytest

from tests.clones import Clone, make_clone
from tests.e2e.workflows import act
from tests.e2e.workflows.runner import Fault
from tests.e2e.workflows.world import World, fail_repeatedly, failures, make_world, push_world

pytestmark = pytest.mark.e2e


@pytest.fixture
def world(root, tmp_path) -> World:
    act.program()
    made = make_world(root, tmp_path, {}, with_remote=False)
    yield made
    made.github.close()


def test_a_new_repository_is_green_and_a_web_edit_is_an_experiment(world):
    world.actions.fault = Fault("code", 0)
    first = world.deliver()
    fail_repeatedly(world, first["Code"], "code")
    assert {name: run.conclusion for name, run in first.items()} == {
        "Code": "success",
        "Register": "success",
        "Refresh pull requests": "success",
    }, "\n".join(failures(run) for run in first.values())
    assert "MLFLOW_TRACKING_URI" in first["Register"].jobs["register"].summary

    world.edit("deeper", max_depth=4)
    pull = world.repository.open_pull("deeper")
    edited = pull.head
    run = world.deliver()["Pull request"]
    assert run.conclusion == "success", failures(run)
    assert {name: job.result for name, job in run.jobs.items()} == {
        "experiment": "success",
        "publish": "success",
        "code": "skipped",
        "ready": "success",
    }
    [comment] = world.comments(pull.number)
    assert comment.startswith("<!-- lastro report -->")
    assert "`model.params.max_depth`" in comment
    head = world.repository.pull(pull.number).head
    assert head != edited
    assert world.repository.git.run("diff", "--name-only", edited, head).splitlines() == ["dvc.lock"]
    assert world.status(head) == {"Ready to merge": "success"}
    # The commit was made with the workflow's token: it starts nothing.
    assert world.deliver() == {}

    # A run that waited for approval, as GitHub makes one then, finds the lock true, commits nothing and refreshes the comment.
    world.repository.pull_event("synchronize", pull, "ada")
    approved = world.deliver()["Pull request"]
    assert approved.conclusion == "success", failures(approved)
    assert world.repository.pull(pull.number).head == head
    assert len(world.comments(pull.number)) == 1

    # They fail at each step: in the end one commit, one comment, one status.
    world.edit("deeper", max_depth=5)
    edited = world.repository.pull(pull.number).head
    world.actions.fault = Fault("publish", 0)
    run = world.deliver()["Pull request"]
    assert run.jobs["ready"].result == "failure"
    fail_repeatedly(world, run, "publish", "ready")
    head = world.repository.pull(pull.number).head
    assert world.repository.git.run("rev-list", "--count", f"{edited}..{head}") == "1"
    assert len(world.comments(pull.number)) == 1
    assert world.status(head)["Ready to merge"] == "success"

    # The job before them reports what it knows from the pipeline on: that is published, and the check waits for the job.
    world.edit("deeper", max_depth=6)
    world.actions.fault = Fault("experiment", 0)
    run = world.deliver()["Pull request"]
    ids = [step.get("id") for step in run.workflow.jobs["experiment"]["steps"]]

    def published(_: str, reached: int) -> None:
        assert run.jobs["publish"].result == ("success" if reached > ids.index("repro") else "skipped")
        assert run.jobs["ready"].result == "failure"

    fail_repeatedly(world, run, "experiment", check=published)
    assert len(world.comments(pull.number)) == 1
    assert world.status(world.repository.pull(pull.number).head)["Ready to merge"] == "success"


def test_update_is_a_pull_request_that_says_what_it_does_to_the_model(world):
    world.deliver()
    template = Clone(world.folder / "template")
    template.edit("params.yaml", "n_estimators: 300", "n_estimators: 20")
    template.commit("Version 0.3.0")
    template.run("git", "tag", "v0.3.0")
    world.repository.actions_may_open_pulls = True
    world.repository.dispatch("dependencies.yml", {}, by="root")
    runs = world.deliver()
    for name in ("Dependencies", "Pull request"):
        assert runs[name].conclusion == "success", failures(runs[name])
    [pull] = world.repository.pulls
    [comment] = world.comments(pull.number)
    assert "`model.params.n_estimators`" in comment


def test_documentation_is_built_at_a_push_and_published_where_it_is_wanted(root, tmp_path):
    """The template's own workflow: a new repository has not got it."""
    act.program()
    clone = make_clone(root, tmp_path / "clone")
    for workflow in (tmp_path / "clone" / ".github" / "workflows").iterdir():
        if workflow.name != "docs.yml":
            workflow.unlink()
    world = push_world(clone, tmp_path, {})
    run = world.deliver()["Documentation"]
    assert run.jobs["publish"].result == "skipped"
    world.repository.variables["PAGES"] = "true"
    world.actions.fault = Fault("build", 0)
    site = world.actions.rerun(run)
    fail_repeatedly(world, site, "build", "publish")
    assert (world.repository.folder() / "pages" / "index.html").exists()
    world.github.close()
