"""A team's repository in its world: GitHub of the tests, MLflow on PostgreSQL, a DVC remote, Docker and an image registry.

`World.actions` runs the workflow files of the repository as they are. The repository is an author's, made by `copier copy`
with the example. The package's code is the environment's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from mlflow import MlflowClient

from tests.clones import Clone, link_environment
from tests.e2e.workflows.runner import Actions, Fault, Run
from tests.example import LEFT_BY_PIPELINE
from tests.github.server import GitHub, Repository
from tests.template.conftest import make_repository, make_template

NAME = "acme/model"
MODEL = "breast-cancer"


@dataclass
class World:
    """See above. clone: a person's working copy; remote: the folder that is DVC's storage."""

    github: GitHub
    repository: Repository
    actions: Actions
    clone: Clone
    remote: Path
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    # What a person does.

    def edit(self, branch: str, by: str = "ada", **params: object) -> None:
        """Edit hyperparameters in params.yaml in the web editor: `max_depth=4`."""
        there = self.repository.git.sha(f"refs/heads/{branch}")
        text = self.read("params.yaml", there or "main")
        for name, value in params.items():
            text, found = re.subn(rf"(?m)^(\s+{name}: )\S+$", rf"\g<1>{value}", text)
            assert found == 1, f"params.yaml has {found} lines for {name}"
        self.repository.commit(branch, {"params.yaml": text}, "Try", by)

    def read(self, path: str, rev: str = "main") -> str:
        found = self.repository.git.read(self.repository.git.sha(rev), path)
        return found.decode()

    def deliver(self) -> dict[str, Run]:
        """Run what has been started; the last run of each workflow, by its name. Nothing may break GitHub's description."""
        runs = self.actions.deliver()
        assert self.github.violations == []
        return {run.workflow.name: run for run in runs}

    # What can be seen of it.

    def comments(self, number: int) -> list[str]:
        return [comment["body"] for comment in self.repository.issues[number].comments]

    def status(self, sha: str) -> dict[str, str]:
        """The newest state of each context at a commit."""
        return {s["context"]: s["state"] for s in self.repository.statuses if s["sha"] == sha}

    @property
    def mlflow(self) -> MlflowClient:
        uri = self.repository.variables["MLFLOW_TRACKING_URI"]
        return MlflowClient(uri, uri)

    def versions(self) -> list:
        return sorted(self.mlflow.search_model_versions(f"name='{MODEL}'"), key=lambda v: int(v.version))

    def alias(self, name: str) -> int | str | None:
        model = self.mlflow.get_registered_model(MODEL)
        return model.aliases.get(name)


LEAVES_STATE = re.compile(
    r"lastro (register|promote|image push|image move|rollback --to)|lastro github (?!source)|dvc push"
    r"|actions/(cache/save|upload-artifact|upload-pages-artifact|attest|deploy-pages)@"
)
"""The steps after which something outside the job is as it was not before."""


def moments(run: Run, *jobs: str) -> list[Fault]:
    """Where jobs are made to fail: before the first step, and after each that leaves a state; LASTRO_EVERY_STEP: anywhere."""
    faults = []
    for job in jobs:
        steps = run.workflow.jobs[job]["steps"]
        if os.environ.get("LASTRO_EVERY_STEP"):
            numbers = range(len(steps) + 1)
        else:
            texts = [step.get("run") or step["uses"] for step in steps]
            after = [number for number, text in enumerate(texts, 1) if LEAVES_STATE.search(text)]
            numbers = [0, *after] if job == jobs[0] else after
        faults += [Fault(job, number) for number in numbers]
    return faults


def fail_repeatedly(
    world: World, run: Run, *jobs: str, check=lambda job, number: None, approve: str = ""
) -> None:
    """Jobs, each needing the one before it, fail at one moment after the other; each time the run goes on from there.

    The first has failed before its first step already: `world.actions.fault = Fault(job, 0)`. In the end the run succeeds.
    check: told the job and the number of its step that was not reached. approve: the environment whose reviewer says yes.
    """
    faults = moments(run, *jobs)
    assert world.actions.fault == faults[0]
    for fault, following in zip(faults, [*faults[1:], None], strict=True):
        assert run.jobs[fault.job].result == "failure", f"{fault} did not happen: {failures(run)}"
        check(fault.job, fault.before)
        world.actions.fault = following
        world.actions.rerun(run, failed_only=True)
        if run.waiting:
            world.actions.approve(run, approve)
    assert run.conclusion == "success", failures(run)


def write_timings(world: World) -> None:
    """The seconds of every step, into the file that LASTRO_TIMINGS names: for benchmarks/workflows.py."""
    if not os.environ.get("LASTRO_TIMINGS"):
        return
    content = [
        {
            "workflow": run.workflow.name,
            "event": run.event.name,
            "jobs": {
                name: [{"name": step.name, "seconds": step.seconds} for step in job.steps]
                for name, job in run.jobs.items()
                if job.steps
            },
        }
        for run in world.actions.runs
    ]
    Path(os.environ["LASTRO_TIMINGS"]).write_text(json.dumps(content))


def failures(run: Run) -> str:
    """What the jobs that failed said."""
    return "\n".join(
        f"--- {name}\n{job.log[-4000:]}" for name, job in run.jobs.items() if job.result == "failure"
    )


def make_world(
    root: Path,
    folder: Path,
    variables: dict[str, str],
    secrets: dict[str, str] | None = None,
    env: dict[str, str] | None = None,
    with_remote: bool = True,
) -> World:
    """A new repository with the example, trained, pushed to acme/model by a person; nothing has run yet.

    It was made from the template at folder/template, tag v0.2.0. Its model is in no storage.
    """
    template = make_template(root, folder / "template")
    clone = make_repository(template, folder / "clone")
    remote = folder / "storage"
    if with_remote:
        clone.write(
            ".dvc/config",
            f"[core]\n    analytics = false\n    remote = storage\n['remote \"storage\"']\n    url = {remote}\n",
        )
    clone.run("dvc", "repro", LASTRO_TRACKING="off")
    for name in LEFT_BY_PIPELINE:
        shutil.rmtree(clone.folder / name, ignore_errors=True)
    return push_world(clone, folder, variables, secrets, env)


def push_world(
    clone: Clone,
    folder: Path,
    variables: dict[str, str],
    secrets: dict[str, str] | None = None,
    env: dict[str, str] | None = None,
) -> World:
    """Push a working copy to acme/model, whose workflows work below `folder`."""
    github = GitHub(folder / "github")
    repository = github.repository(NAME, roles={"ada": "write", "eve": "read", "root": "admin"})
    repository.variables.update(variables)
    token = github.person_token("root").value
    clone.run("git", "remote", "add", "origin", repository.url.replace("://", f"://x-access-token:{token}@"))
    clone.commit("A new model")
    clone.run("git", "push", "-q", "origin", "main")
    repository.sync()
    link_environment(folder / "venv")
    actions = Actions(
        repository,
        folder / "actions",
        secrets=secrets or {},
        env={
            "VENV": str(folder / "venv"),
            "PYTHONPATH": f"src{os.pathsep}{clone.env['PYTHONPATH']}",
            "DVC_SITE_CACHE_DIR": str(folder / "dvc-site"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            **(env or {}),
        },
    )
    return World(github, repository, actions, clone, folder / "storage", folder)
