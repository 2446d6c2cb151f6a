"""Pull requests without any server or remote set up: the template as it is, on Actions' own cache."""

from __future__ import annotations

import pytest

from tests.e2e.workflows import act
from tests.e2e.workflows.runner import Fault
from tests.e2e.workflows.world import World, fail_at_every_step, failures, make_world

pytestmark = pytest.mark.e2e


@pytest.fixture
def world(root, tmp_path) -> World:
    act.program()
    made = make_world(root, tmp_path, {}, with_remote=False)
    yield made
    made.github.close()


def test_a_fresh_template_is_green_and_a_web_edit_is_an_experiment(world):
    first = world.deliver()
    assert {name: run.conclusion for name, run in first.items()} == {
        "Code": "success",
        "Register": "success",
        "Update pull requests": "success",
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

    # A second run finds the lock true, commits nothing and refreshes the comment.
    again = world.actions.rerun(run)
    assert again.conclusion == "success", failures(again)
    assert world.repository.pull(pull.number).head == head
    assert len(world.comments(pull.number)) == 1

    # The job that writes fails before every step and after the last: in the end one commit, one comment, one status.
    world.edit("deeper", max_depth=5)
    edited = world.repository.pull(pull.number).head
    world.actions.fault = Fault("publish", 0)
    run = world.deliver()["Pull request"]
    assert run.jobs["ready"].result == "failure"
    fail_at_every_step(world, run, "publish")
    assert run.conclusion == "success", failures(run)
    head = world.repository.pull(pull.number).head
    assert world.repository.git.run("rev-list", "--count", f"{edited}..{head}") == "1"
    assert len(world.comments(pull.number)) == 1
    assert world.status(head)["Ready to merge"] == "success"
