"""From a web edit to a rollback, through the workflow files as they are, with the state of every system checked on the way."""

from __future__ import annotations

import re
import subprocess

import pytest
import requests
import yaml

from tests.e2e.workflows import act
from tests.e2e.workflows.runner import Fault
from tests.e2e.workflows.world import World, fail_repeatedly, failures, make_world, write_timings
from tests.servers import MlflowServer, Postgres

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    postgres = Postgres()
    mlflow = MlflowServer(tmp_path_factory.mktemp("mlflow"), postgres.create("story"))
    yield mlflow
    mlflow.stop()
    postgres.remove()


@pytest.fixture(scope="module")
def world(root, tmp_path_factory, server, docker, registry):
    act.program()
    folder = tmp_path_factory.mktemp("story")
    variables = {
        "MLFLOW_TRACKING_URI": server.uri,
        "IMAGE_REGISTRY": registry,
        "IMAGE_REPOSITORY": f"{registry}/acme/model",
        "IMAGE_USERNAME": "acme",
    }
    env = docker.env | {"DOCKER_CONFIG": str(folder / "docker")}
    made = make_world(root, folder, variables, {"IMAGE_PASSWORD": "secret"}, env)
    made.repository.environments["production"] = {"reviewers": ["root"]}
    yield made
    write_timings(made)
    made.github.close()


def green(world: World, *names: str) -> dict:
    runs = world.deliver()
    for name in names:
        assert runs[name].conclusion == "success", failures(runs[name])
    return runs


def digest_of(registry: str, tag: str) -> str | None:
    """The digest behind a tag in the registry; None: there is no such tag."""
    kinds = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
    answer = requests.head(
        f"http://{registry}/v2/acme/model/manifests/{tag}", headers={"Accept": kinds}, timeout=30
    )
    return answer.headers["Docker-Content-Digest"] if answer.ok else None


def release(world: World, tag: str) -> dict | None:
    return next((r for r in world.repository.releases.values() if r["tag_name"] == tag), None)


def test_the_story(world, registry, docker):
    repository, actions = world.repository, world.actions

    # The first push: the template's own model is registered.
    green(world, "Register", "Refresh pull requests")
    assert [v.tags["lastro.verdict"] for v in world.versions()] == ["pass"]
    assert world.alias("test") == world.versions()[0].version

    # A web edit becomes a report, a lock commit and a status on it.
    world.edit("deeper", max_depth=4)
    pull = repository.open_pull("deeper")
    run = green(world, "Pull request")["Pull request"]
    head = repository.pull(pull.number).head
    assert world.status(head) == {"Ready to merge": "success"}
    [comment] = world.comments(pull.number)
    assert "✅ pass" in comment
    assert "Ran in" in comment
    assert "train" in run.jobs["experiment"].summary

    # The author goes on from the web editor: one comment, refreshed; a new lock.
    world.edit("deeper", max_depth=2)
    green(world, "Pull request")
    [again] = world.comments(pull.number)
    assert again != comment
    assert world.status(repository.pull(pull.number).head) == {"Ready to merge": "success"}

    # A merge registers, and trains nothing.
    merged = repository.merge(pull.number)
    runs = green(world, "Register", "Refresh pull requests")
    assert "nothing had to be run" in runs["Register"].jobs["register"].log
    newest = world.versions()[-1]
    assert newest.tags["lastro.pull_request"] == str(pull.number)
    assert newest.tags["lastro.commit"] == merged
    assert world.alias("test") == newest.version

    # A candidate goes to staging, without anybody's approval.
    repository.tag("v1.0.0-rc.1")
    green(world, "Release")
    assert world.alias("staging") == newest.version
    assert world.alias("production") is None
    candidate = digest_of(registry, "1.0.0-rc.1")
    assert candidate
    assert digest_of(registry, "latest") is None
    assert release(world, "v1.0.0-rc.1")["prerelease"]

    # A release waits for approval.
    repository.tag("v1.0.0")
    [waiting] = [run for run in actions.deliver() if run.workflow.name == "Release"]
    assert "deploy" in waiting.waiting
    assert digest_of(registry, "1.0.0") is None
    assert digest_of(registry, "latest") is None
    actions.approve(waiting, "production")
    assert waiting.conclusion == "success", failures(waiting)
    pushed = digest_of(registry, "1.0.0")
    assert pushed
    assert {digest_of(registry, tag) for tag in ("1.0.0", "1.0", "1", "latest")} == {pushed}
    assert world.alias("production") == newest.version
    first = release(world, "v1.0.0")
    assert not first["draft"]
    assert pushed in first["body"]
    assert "the chain is whole" in first["body"]
    names = {asset["name"] for asset in first["assets"]}
    assert {"model_card.md", "metrics.json", "trace.json", "sbom.cdx.json"} <= names

    # Anybody can pull that image by its digest, and ask it.
    image = re.search(rf"{registry}/acme/model@sha256:[0-9a-f]{{64}}", first["body"])[0]
    docker.run("pull", image)
    body = re.search(r"```text\n(\{.*\})\n```", first["body"])[1]
    name = docker.run("run", "--detach", "--publish=127.0.0.1::8080", "--read-only", image).stdout.strip()
    port = docker.run("port", name, "8080").stdout.strip().rpartition(":")[2]
    curl = [
        "curl",
        "-sS",
        "--retry",
        "60",
        "--retry-connrefused",
        "--retry-delay",
        "1",
        "--retry-all-errors",
        "--fail",
    ]
    subprocess.run([*curl, f"http://127.0.0.1:{port}/ping"], check=True)
    asked = [
        *curl,
        "-H",
        "Content-Type: application/json",
        "--data",
        body,
        f"http://127.0.0.1:{port}/invocations",
    ]
    assert '"prediction"' in subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    docker.run("rm", "--force", name)

    # A worse model is red: the report says why, and the required status too.
    text = yaml.safe_load(world.read("params.yaml"))
    text["gate"]["limits"] = {"accuracy": 0.999}
    text["model"]["params"]["n_estimators"] = 1
    repository.commit("worse", {"params.yaml": yaml.safe_dump(text, sort_keys=False)}, "Worse")
    worse = repository.open_pull("worse")
    run = world.deliver()["Pull request"]
    assert run.conclusion == "failure"
    assert run.jobs["ready"].result == "failure"
    assert world.status(repository.pull(worse.number).head) == {"Ready to merge": "failure"}
    [comment] = world.comments(worse.number)
    assert "❌ fail" in comment
    assert "v1.0.0" in comment

    # A better one is merged and released.
    world.edit("better", learning_rate=0.2)
    better = repository.open_pull("better")
    green(world, "Pull request")
    assert "v1.0.0, version" in world.comments(better.number)[0]
    repository.merge(better.number)
    world.actions.fault = Fault("register", 0)
    known = len(world.versions())
    [register] = [run for run in actions.deliver() if run.workflow.name == "Register"]
    fail_repeatedly(world, register, "register")
    assert len(world.versions()) == known + 1

    # Two tags at once. Whatever step one fails at, production stays what it was until it moves, and is never half.
    repository.tag("v1.0.1")
    [late] = [run for run in actions.deliver() if run.workflow.name == "Release"]
    world.actions.fault = Fault("plan", 0)
    repository.tag("v1.1.0")
    [second] = [run for run in actions.deliver() if run.workflow.name == "Release"]
    steps = [step.get("name") for step in second.workflow.jobs["deploy"]["steps"]]
    after_promotion, after_move = steps.index("Promote") + 1, steps.index("Move the image's moving tags") + 1

    def still_whole(job: str, reached: int) -> None:
        at = {"plan": 0, "deploy": reached, "release": len(steps)}[job]
        promoted, moved = at >= after_promotion, at >= after_move
        assert world.alias("production") == (world.versions()[-1].version if promoted else newest.version)
        assert digest_of(registry, "latest") == (digest_of(registry, "1.1.0") if moved else pushed)
        assert (release(world, "v1.1.0") is not None) == (job == "release" and reached > publishing)

    publishing = len(second.workflow.jobs["release"]["steps"]) - 1
    fail_repeatedly(world, second, "plan", "deploy", "release", check=still_whole, approve="production")
    assert "which was pushed to" in second.jobs["deploy"].log
    assert world.alias("production") == world.versions()[-1].version
    assert digest_of(registry, "latest") == digest_of(registry, "1.1.0") != pushed
    # The one that was slower is red before it publishes anything.
    actions.approve(late, "production")
    assert late.conclusion == "failure"
    assert "v1.0.1 comes before v1.1.0" in late.jobs["deploy"].log
    assert digest_of(registry, "1.0.1") is None
    assert world.alias("production") == world.versions()[-1].version
    assert release(world, "v1.0.1") is None

    # A tag on a side branch is red before anything is built.
    repository.commit("side", {"README.md": "# Mine\n"})
    repository.tag("v1.9.0", "side")
    [side] = [run for run in actions.deliver() if run.workflow.name == "Release"]
    assert (side.jobs["plan"].result, side.jobs["deploy"].result) == ("failure", "skipped")
    assert "is not on" in side.jobs["plan"].log
    assert digest_of(registry, "1.9.0") is None

    # And rolled back: planned only, then for real, with a failure at each step.
    reason = "alarms; $(touch /tmp/never) @all"
    repository.dispatch("rollback.yml", {"reason": reason, "dry-run": "true"}, by="root")
    dry = green(world, "Roll back")["Roll back"]
    assert dry.jobs["rollback"].result == "skipped"
    assert world.alias("production") == world.versions()[-1].version
    repository.dispatch("rollback.yml", {"reason": reason, "dry-run": "false"}, by="root")
    world.actions.fault = Fault("plan", 0)
    [back] = [run for run in actions.deliver() if run.workflow.name == "Roll back"]
    fail_repeatedly(world, back, "plan", "rollback", approve="production")
    assert world.alias("production") == newest.version
    assert {digest_of(registry, tag) for tag in ("1.0", "1", "latest")} == {pushed}
    assert digest_of(registry, "1.1.0") != pushed
    returned = release(world, "v1.0.0")["body"]
    assert "In production again, after v1.1.0" in returned
    assert returned.count("In production again") == 1
    assert "Rolled back to v1.0.0" in release(world, "v1.1.0")["body"]
    assert world.github.violations == []
