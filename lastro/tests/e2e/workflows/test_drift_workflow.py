"""The weekly look at the newest data: one issue, and one pull request that retrains, with its pipeline started."""

from __future__ import annotations

import numpy as np
import pytest

from tests.e2e.workflows import act
from tests.e2e.workflows.runner import Fault
from tests.e2e.workflows.world import World, fail_repeatedly, failures, make_world
from tests.servers import MlflowServer

pytestmark = pytest.mark.e2e
CRON = "17 5 * * 1"


def rows(seed: int, number: int, shift: float = 0.0) -> str:
    """CSV lines: a number, a category, a label that follows from the number."""
    rng = np.random.default_rng(seed)
    size = rng.normal(shift, 1, number)
    likes = size + rng.normal(0, 0.3, number) > shift
    cities = rng.choice(["Porto", "Évora"], number)
    return "".join(
        f"{s:.6f},{city},{'yes' if y else 'no'}\n" for s, city, y in zip(size, cities, likes, strict=True)
    )


@pytest.fixture
def world(root, tmp_path) -> World:
    """A repository with a table of its own, whose model is in production."""
    act.program()
    (tmp_path / "mlflow").mkdir()
    server = MlflowServer(tmp_path / "mlflow", f"sqlite:///{tmp_path}/mlflow/store.db")
    made = make_world(root, tmp_path, {"MLFLOW_TRACKING_URI": server.uri})
    clone = made.clone
    clone.env["MLFLOW_TRACKING_URI"] = server.uri
    clone.write("data/raw/table.csv", "size,city,bought\n" + rows(1, 600))
    clone.write("data/schema.json", "{}\n")
    text = clone.read("params.yaml").replace("data/breast_cancer.csv", "data/raw/table.csv")
    clone.write("params.yaml", text.replace("target: target", "target: bought"))
    clone.run("dvc", "repro")
    clone.run("dvc", "push", "--run-cache")
    clone.commit("A table")
    clone.run("lastro", "register")
    clone.run("git", "tag", "v1.0.0")
    clone.run("git", "push", "-q", "origin", "main", "v1.0.0")
    clone.run("lastro", "promote", "v1.0.0", "--branch", "main")
    made.repository.sync()
    made.repository.events.clear()
    made.repository.actions_may_open_pulls = True
    made.repository.labels["drift"] = {
        "name": "drift",
        "color": "fbca04",
        "description": None,
        "default": False,
    }
    yield made
    made.github.close()
    server.stop()


def test_drift_opens_one_issue_and_one_pull_request(world):
    repository = world.repository
    repository.schedule(CRON)
    calm = world.deliver()["Drift"]
    assert calm.conclusion == "success", failures(calm)
    assert calm.jobs["retrain"].result == "skipped"
    assert "0 new rows since v1.0.0" in calm.jobs["watch"].summary
    assert repository.issues == {}

    table = world.read("data/raw/table.csv") + rows(2, 300, shift=1.5)
    repository.commit("main", {"data/raw/table.csv": table}, "New rows")
    repository.events.clear()
    for jobs in (("watch", "issue"), ("retrain",)):
        world.actions.fault = Fault(jobs[0], 0)
        repository.schedule(CRON)
        fail_repeatedly(world, world.deliver()["Drift"], *jobs)
        runs = world.deliver()
    [issue] = [found for found in repository.issues.values() if found not in repository.pulls]
    assert "moved away" in issue.title
    assert "`size`" in issue.body
    [pull] = repository.pulls
    assert pull.branch == "lastro/retrain"
    run = runs["Pull request"]
    assert run.event.name == "workflow_dispatch"
    assert run.conclusion == "success", failures(run)
    assert world.status(repository.pull(pull.number).head) == {"Ready to merge": "success"}
    assert len(world.comments(pull.number)) == 1
