"""Forks, Dependabot, merges that conflict, the merge queue, and names that would like to be commands."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.e2e.workflows import act
from tests.e2e.workflows.runner import Fault
from tests.e2e.workflows.world import World, fail_repeatedly, failures, make_world

pytestmark = pytest.mark.e2e
NAME = 'deeper"$(touch${IFS}hacked)`touch${IFS}hacked`&&touch${IFS}hacked;#<b>&amp;'
TITLE = 'x"; touch hacked; `id` ${{ github.token }} <img src=x onerror=alert(1)> @everyone\n::set-output name=commit::0'


@pytest.fixture(scope="module")
def world(root, tmp_path_factory) -> World:
    act.program()
    made = make_world(
        root,
        tmp_path_factory.mktemp("outsiders"),
        {},
        {"MLFLOW_TRACKING_PASSWORD": "hunter2"},
        with_remote=False,
    )
    made.deliver()
    yield made
    made.github.close()


def test_two_pull_requests_at_once(world):
    """The first is merged; the second conflicts in dvc.lock alone and is brought up to date, report and status too."""
    world.edit("first", n_estimators=20)
    first = world.repository.open_pull("first")
    world.edit("second", max_depth=4)
    second = world.repository.open_pull("second")
    runs = world.actions.deliver()
    assert {run.conclusion for run in runs if run.workflow.name == "Pull request"} == {"success"}
    base = world.repository.merge(first.number)
    before = world.repository.pull(second.number).head
    world.actions.fault = Fault("update", 0)
    update = world.deliver()["Refresh pull requests"]
    fail_repeatedly(world, update, "update")
    assert "its pipeline was started" in update.jobs["update"].log
    # Each try started it; GitHub leaves one run of its group, the last.
    for event in [e for e in world.repository.events if e.name == "workflow_dispatch"][:-1]:
        world.repository.events.remove(event)
    run = world.deliver()["Pull request"]
    assert run.event.name == "workflow_dispatch"
    assert run.conclusion == "success", failures(run)
    head = world.repository.pull(second.number).head
    assert world.repository.git.run("log", "-1", "--format=%P", head).split() == [before, base]
    content = yaml.safe_load(world.read("params.yaml", head))["model"]["params"]
    assert (content["max_depth"], content["n_estimators"]) == (4, 20)
    assert world.status(head) == {"Ready to merge": "success"}
    assert len(world.comments(second.number)) == 1

    # A merge queue takes it as it is, and insists on the lock.
    branch = world.repository.enqueue(second.number)
    queued = world.deliver()["Pull request"]
    assert queued.conclusion == "success", failures(queued)
    assert queued.jobs["publish"].result == "skipped"
    world.repository.leave_queue(branch, merged=True)
    assert world.deliver()["Register"].conclusion == "success"


def test_a_fork_gets_its_report_and_no_right(world):
    fork = world.github.fork(world.repository.full_name, "eve")
    text = world.read("params.yaml").replace("learning_rate: 0.1", "learning_rate: 0.3")
    head = fork.commit("mine", {"params.yaml": text}, by="eve")
    pull = world.repository.open_pull("eve:mine", TITLE, by="eve")
    world.actions.fault = Fault("comment", 0)
    runs = world.deliver()
    run = runs["Pull request"]
    # The lock is outdated, and nobody here may bring it: red, with the commands.
    assert run.jobs["experiment"].result == "success", failures(run)
    assert run.jobs["publish"].result == "skipped"
    assert run.jobs["ready"].result == "failure", run.jobs["experiment"].log
    assert "dvc.lock is outdated" in run.jobs["ready"].log
    assert "hunter2" not in "".join(job.log for job in run.jobs.values())
    fail_repeatedly(world, runs["Comment"], "comment")
    [comment] = world.comments(pull.number)
    assert "`dvc repro`" in comment
    assert world.repository.pull(pull.number).head == head


def test_dependabot_is_handled_like_a_fork(world):
    bot = "dependabot[bot]"
    lock = world.read("requirements/runtime.lock")
    world.repository.commit(
        "dependabot/uv/x", {"requirements/runtime.lock": lock + "# newer\n"}, "Bump x", by=bot
    )
    pull = world.repository.open_pull("dependabot/uv/x", "Bump x", by=bot)
    runs = world.deliver()
    assert runs["Pull request"].jobs["publish"].result == "skipped"
    assert runs["Pull request"].jobs["experiment"].result == "success", failures(runs["Pull request"])
    [comment] = world.comments(pull.number)
    assert comment.startswith("<!-- lastro report -->")


def test_newer_packages_are_proposed_once(world):
    """What the scheduled resolution finds becomes one pull request, refreshed, whose pipeline is started."""
    stale = "requirements/sbom.lock"
    world.repository.commit("main", {stale: "# nothing\n"}, "An old lock")
    world.repository.events.clear()
    world.repository.actions_may_open_pulls = True
    world.actions.fault = Fault("resolve", 0)
    world.repository.dispatch("dependencies.yml", {}, by="root")
    [run] = [run for run in world.actions.deliver() if run.workflow.name == "Dependencies"]
    fail_repeatedly(world, run, "resolve", "propose")
    [pull] = [pull for pull in world.repository.pulls if pull.branch == "lastro/dependencies"]
    changed = world.repository.git.run("diff", "--name-only", "main", pull.head).splitlines()
    assert stale in changed
    assert all(name.startswith("requirements/") for name in changed)
    started = {
        (event.name, event.ref) for event in world.repository.events if event.name == "workflow_dispatch"
    }
    assert started == {("workflow_dispatch", "refs/heads/lastro/dependencies")}
    # Its packages are not installed here.
    world.repository.events.clear()


def test_names_are_never_commands(world):
    """A branch, a title, a parameter and a tag with shell, Markdown, HTML and workflow commands in them."""
    content = yaml.safe_load(world.read("params.yaml"))
    content["data"]["ignore"] = []
    content["model"]["params"]["max_depth"] = "4; touch hacked <img src=x> `@everyone`\n::error::x"
    files = {"params.yaml": yaml.safe_dump(content, sort_keys=False)}
    world.repository.commit(NAME, files, TITLE)
    pull = world.repository.open_pull(NAME, TITLE, body=TITLE)
    world.actions.keep = True
    try:
        run = world.deliver()["Pull request"]
        assert not list(world.folder.rglob("hacked"))
        assert run.jobs["experiment"].result == "failure"
        assert run.jobs["ready"].result == "failure"
        [comment] = world.comments(pull.number)
        outside = re.sub(r"`[^`\n]*`", "", comment)
        assert "max_depth" in comment
        for sign in ("<img", "@everyone", "\n::error"):
            assert sign not in outside

        good = re.sub(r"(?m)^(\s+max_depth: )\S+$", r"\g<1>5", world.read("params.yaml"))
        world.repository.commit(NAME, {"params.yaml": good}, TITLE)
        run = world.deliver()["Pull request"]
        assert run.conclusion == "success", failures(run)
        assert not list(world.folder.rglob("hacked"))
        assert world.status(world.repository.pull(pull.number).head) == {"Ready to merge": "success"}
        assert len(world.comments(pull.number)) == 1
    finally:
        world.actions.keep = False


@pytest.mark.parametrize("tag", ["v1.0.0;touch${IFS}hacked", "v1.0", "v1.0.0-beta", "v$(touch${IFS}hacked)"])
def test_what_is_no_release_tag_is_one_red_line_or_nothing(world, tag):
    world.repository.tag(tag)
    runs = world.deliver()
    assert not list(world.folder.rglob("hacked"))
    # Without a server nothing is asked of the tag, and nothing is deployed.
    assert runs["Release"].jobs["deploy"].result == "skipped"
