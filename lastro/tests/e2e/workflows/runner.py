"""What GitHub Actions does, around act: events start workflows, jobs run in order with their own tokens and secrets.

    actions = Actions(repository, folder, secrets={"DVC_KEY": "..."})
    model.commit("x", {...}); model.open_pull("x")      # or pushes with Git: see tests.github.server
    [run] = actions.deliver()                           # runs all that the events start, and what these runs start
    run.conclusion, run.jobs["report"].summary, run.jobs["report"].log, run.jobs["report"].outputs
    actions.approve(run, "production")                  # a job of an environment with reviewers waits for this
    actions.rerun(run); actions.rerun(run, failed_only=True)
    actions.fault = Fault("image", 3); actions.deliver()   # the job fails before its step 3 (0 is the first)

Real: filters, `if`, `needs`, permissions, secrets, environments and `workflow_run`, by GitHub's own parser and
expressions; the steps by act; the world around by tests.github.server. A push with a job's token starts nothing.
Not here: concurrency (runs follow each other; assert it from the files), matrix exclusion of outputs, services.
"""

from __future__ import annotations

import graphlib
import itertools
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.workflows import stand_ins
from tests.e2e.workflows.act import JobResult, Needed, run_job
from tests.github.server import Event, Repository, payloads
from tests.github.server.git import ZERO
from tests.github.server.pulls import now
from tests.github.server.tokens import LEVELS, granted
from tests.github.workflows import Workflow, condition, interpolate, parse

ROOT = Path(__file__).parents[4]
SKIP = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]")


@dataclass(frozen=True)
class Fault:
    """A job fails before its step number `before`; the number of steps means after the last."""

    job: str
    before: int


@dataclass
class Run:
    """One run of a workflow; `number` is its id in the API."""

    number: int
    workflow: Workflow
    event: Event
    attempt: int = 1
    jobs: dict[str, JobResult] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)

    @property
    def sha(self) -> str:
        """GITHUB_SHA, and where the workflow file comes from."""
        return self.event.sha

    @property
    def waiting(self) -> list[str]:
        """The jobs that wait for an approval."""
        return [name for name, job in self.jobs.items() if job.result == "waiting"]

    @property
    def conclusion(self) -> str | None:
        """success, failure or skipped; None while a job waits."""
        results = {job.result for job in self.jobs.values()}
        if "waiting" in results:
            return None
        return "failure" if "failure" in results else "skipped" if results == {"skipped"} else "success"


class Actions:
    """Runs the workflows of one repository.

    secrets: the repository's; environment_secrets: by environment. env: for every step, as on a runner.
    python: the folder of the interpreter that the stand-in of setup-python puts first on the PATH; with it the
    checkout gets a .venv made of this process's packages, where its runtime.lock is this repository's.
    """

    def __init__(
        self,
        repository: Repository,
        folder: Path,
        *,
        secrets: dict[str, str] | None = None,
        environment_secrets: dict[str, dict[str, str]] | None = None,
        env: dict[str, str] | None = None,
        python: Path | None = None,
    ) -> None:
        self.repository, self.folder = repository, folder
        self.secrets, self.environment_secrets = secrets or {}, environment_secrets or {}
        self.env = env or {}
        self.python = python or Path(sys.executable).parent
        self.fault: Fault | None = None
        self.runs: list[Run] = []
        self.keep = False  # keep the folders of jobs that ended, to look at
        self._ids = itertools.count(101)
        self._folders = itertools.count(1)

    def deliver(self, maximum: int = 20) -> list[Run]:
        """Run what the repository's events start, until none is left; gives the runs in order."""
        made: list[Run] = []
        while self.repository.events:
            event = self.repository.events.pop(0)
            for workflow in self._started_by(event):
                assert len(made) < maximum, f"an endless loop? {[r.workflow.name for r in made]}"
                made.append(self.start(workflow, event))
        return made

    def start(self, workflow: Workflow, event: Event) -> Run:
        """Run a workflow for an event."""
        run = Run(next(self._ids), workflow, event)
        self.runs.append(run)
        return self._go(run)

    def approve(self, run: Run, environment: str) -> Run:
        """A reviewer approves an environment; the run goes on."""
        run.approved.add(environment)
        return self._go(run)

    def rerun(self, run: Run, failed_only: bool = False) -> Run:
        """Run the jobs of a run again: all, or those that did not succeed and those that depend on one that failed."""
        run.attempt += 1
        failed = {name for name, job in run.jobs.items() if job.result == "failure"}
        run.jobs = {
            name: job
            for name, job in run.jobs.items()
            if failed_only
            and job.result == "success"
            and not failed.intersection(_ancestors(run.workflow.jobs, name))
        }
        run.approved = set()
        return self._go(run)

    def files(self, sha: str) -> dict[str, str]:
        """The texts below .github at a commit."""
        git = self.repository.git
        paths = git.run("ls-tree", "-r", "--name-only", sha, ".github").splitlines()
        return {path: (git.read(sha, path) or b"").decode() for path in paths}

    def workflows(self, sha: str) -> list[Workflow]:
        """The workflow files at a commit, as GitHub parses them. Raises ValueError."""
        found = self.files(sha).items()
        return [
            parse(path, text)
            for path, text in found
            if re.fullmatch(r"\.github/workflows/[^/]+\.ya?ml", path)
        ]

    def _started_by(self, event: Event) -> list[Workflow]:
        payload, git = event.payload, self.repository.git
        if event.sha == ZERO:
            return []
        if event.name in ("push", "pull_request"):
            head = payload["pull_request"]["head"]["sha"] if event.name == "pull_request" else event.sha
            if SKIP.search(git.run("log", "-1", "--format=%B", head)):
                return []
        ask: dict[str, Any] = {"action": payload.get("action"), "ref": event.ref}
        if event.name == "pull_request":
            pull = payload["pull_request"]
            ask["ref"] = f"refs/heads/{pull['base']['ref']}"
            ask["paths"] = git.run(
                "diff", "--name-only", f"{pull['base']['sha']}...{pull['head']['sha']}"
            ).splitlines()
        elif event.name == "push":
            before = payload["before"]
            start = (
                before
                if before != ZERO and git.sha(before)
                else git.run("hash-object", "-t", "tree", "/dev/null")
            )
            ask["paths"] = git.run("diff", "--name-only", start, event.sha).splitlines()
        elif event.name == "merge_group":
            ask["ref"] = payload["merge_group"]["base_ref"]
        elif event.name == "workflow_run":
            ask["name"] = payload["workflow_run"]["name"]
            ask["ref"] = f"refs/heads/{payload['workflow_run']['head_branch']}"
        elif event.name in ("workflow_dispatch", "schedule"):
            ask["name"] = payload.get("workflow") or payload.get("schedule")
        return [workflow for workflow in self.workflows(event.sha) if workflow.starts(event.name, **ask)]

    def _go(self, run: Run) -> Run:
        self._record(run, "in_progress")
        if run.event.name == "workflow_dispatch":
            _fill_inputs(run)
        for name in _in_order(run.workflow.jobs):
            if name not in run.jobs or run.jobs[name].result == "waiting":
                run.jobs[name] = self._job(run, name)
                self._check_run(run, name)
        self._record(run, "waiting" if run.waiting else "completed")
        if run.conclusion and run.event.name != "workflow_run":
            ref = f"refs/heads/{self.repository.default_branch}"
            payload = payloads.workflow_run(self.repository, self.repository.runs[run.number])
            sha = self.repository.git.sha(ref) or ""
            self.repository.events.append(Event("workflow_run", payload, ref, sha, run.event.actor))
        return run

    def _job(self, run: Run, name: str) -> JobResult:
        job, workflow = run.workflow.jobs[name], run.workflow
        needs = _listed(job.get("needs"))
        above = _ancestors(workflow.jobs, name)
        results = [run.jobs[other].result for other in above]
        if "waiting" in results:
            return JobResult("waiting")
        status = "failure" if "failure" in results else "skipped" if "skipped" in results else "success"
        contexts = self._contexts(run, name, {other: run.jobs[other] for other in needs})
        if not condition(job.get("if"), contexts, status):
            return JobResult("skipped")
        environment = self._environment(job, contexts)
        if environment and environment not in run.approved and self._is_protected(environment):
            return JobResult("waiting")
        secrets = {} if run.event.fork else self.secrets | self.environment_secrets.get(environment, {})
        permissions = job.get("permissions", workflow.workflow.get("permissions"))
        github, fork = self.repository.github, run.event.fork
        token = github.job_token(self.repository.full_name, permissions, fork=fork, run=run.number)
        document = self._document(run)
        job = document["jobs"][name]
        if self.fault and self.fault.job == name and "steps" in job:
            steps = list(job["steps"])
            steps.insert(self.fault.before, {"name": "Fault", "if": "${{ success() }}", "run": "exit 1"})
            document = document | {"jobs": document["jobs"] | {name: job | {"steps": steps}}}
        folder = self.folder / f"job-{next(self._folders)}"
        files = self.files(run.sha)
        if "uses" in job:
            self._check_call(run, name, permissions, files)
        labels = {str(label).lower() for label in _listed(interpolate(job.get("runs-on"), contexts))}
        try:
            return run_job(
                document,
                name,
                needs={other: Needed(run.jobs[other].result, run.jobs[other].outputs) for other in needs},
                event=run.event.name,
                payload=run.event.payload,
                folder=folder,
                sha=run.sha,
                env=self._env(run, contexts),
                secrets=secrets | {"GITHUB_TOKEN": token.value},
                variables=self.repository.variables,
                stand_ins=self._stand_ins(run.sha),
                labels=labels | {"ubuntu-latest", "ubuntu-24.04"},
                called=files if "uses" in job else {},
                actor=run.event.actor,
            )
        finally:
            token.expired = True
            if not self.keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _document(self, run: Run) -> dict[str, Any]:
        """The workflow file as YAML has it, for act; `on` is the event alone."""
        document = yaml.safe_load(self.files(run.sha)[run.workflow.path])
        document.pop(True, None)
        on = {
            run.event.name: (run.workflow.on["workflow_dispatch"] or {})
            if run.event.name == "workflow_dispatch"
            else {}
        }
        return document | {"on": on}

    def _check_call(self, run: Run, name: str, permissions: Any, files: dict[str, str]) -> None:
        """A called workflow's jobs may not ask for more than the caller grants: GitHub starts no such run."""
        path = run.workflow.jobs[name]["uses"].removeprefix("./")
        called, has = parse(path, files[path]), granted(permissions)
        for job in called.jobs.values():
            wants = granted(job.get("permissions", called.workflow.get("permissions")))
            assert all(LEVELS[level] <= LEVELS[has.get(scope, "none")] for scope, level in wants.items()), (
                f"{run.workflow.path}: the job {name} grants {has}, {path} asks for {wants}"
            )

    def _stand_ins(self, sha: str) -> dict[str, Path]:
        files = self.files(sha)
        local = stand_ins.local_actions(files)
        folders: dict[str, Path] = {}
        for path, text in files.items():
            document = yaml.safe_load(text) if re.search(r"\.ya?ml$", path) else None
            if isinstance(document, dict) and ("jobs" in document or "runs" in document):
                folders |= stand_ins.check(path, document, local)
        return folders

    def _is_protected(self, environment: str) -> bool:
        return bool(self.repository.environments.get(environment, {}).get("reviewers"))

    def _environment(self, job: dict[str, Any], contexts: dict[str, Any]) -> str:
        declared = job.get("environment") or ""
        name = interpolate(declared["name"] if isinstance(declared, dict) else declared, contexts)
        if name:
            self.repository.environments.setdefault(name, {})
        return name or ""

    def _github(self, run: Run, job: str = "") -> dict[str, Any]:
        """The github context, without the token."""
        of, event, payload = self.repository, run.event, run.event.payload
        pull = payload.get("pull_request") or {}
        short = re.sub(r"^refs/(heads|tags|pull)/", "", event.ref)
        kind = "tag" if event.ref.startswith("refs/tags/") else "branch"
        return {
            "event": payload,
            "event_name": event.name,
            "ref": event.ref,
            "ref_name": short,
            "ref_type": kind,
            "sha": run.sha,
            "head_ref": pull.get("head", {}).get("ref", ""),
            "base_ref": pull.get("base", {}).get("ref", ""),
            "repository": of.full_name,
            "repository_owner": of.owner,
            "actor": event.actor,
            "triggering_actor": event.actor,
            "workflow": run.workflow.name,
            "workflow_ref": f"{of.full_name}/{run.workflow.path}@{event.ref}",
            "workflow_sha": run.sha,
            "run_id": str(run.number),
            "run_number": str(run.number - 100),
            "run_attempt": str(run.attempt),
            "server_url": of.github.url,
            "api_url": of.github.api_url,
            "job": job,
        }

    def _contexts(self, run: Run, job: str, needs: dict[str, JobResult]) -> dict[str, Any]:
        return {
            "github": self._github(run, job),
            "needs": {name: {"result": of.result, "outputs": of.outputs} for name, of in needs.items()},
            "vars": dict(self.repository.variables),
            "inputs": _inputs(run),
        }

    def _env(self, run: Run, contexts: dict[str, Any]) -> dict[str, str]:
        """What a runner gives every step, and what the stand-ins ask for."""
        github = contexts["github"]
        env = {f"GITHUB_{key.upper()}": value for key, value in github.items() if isinstance(value, str)}
        env.pop("GITHUB_JOB")
        scopes = [run.event.ref, f"refs/heads/{github['base_ref']}" if github["base_ref"] else ""]
        scopes.append(f"refs/heads/{self.repository.default_branch}")
        env |= {
            "CI": "true",
            "RUNNER_ENVIRONMENT": "github-hosted",
            "STAND_INS_STORE": str(self.repository.folder()),
            "STAND_INS_SCOPES": " ".join(dict.fromkeys(filter(None, scopes))),
            "STAND_INS_PYTHON": sys.executable,
            "STAND_INS_PYTHON_FOLDER": str(self.python),
            "STAND_INS_WARM": sys.prefix,
            "STAND_INS_WARM_LOCK": str(ROOT / "requirements/runtime.lock"),
        }
        return env | self.env

    def _record(self, run: Run, status: str) -> None:
        """The run as the API shows it."""
        event, payload = run.event, run.event.payload
        head = (payload.get("pull_request") or {}).get("head") or {}
        source = (head.get("repo") or {}).get("full_name", self.repository.full_name)
        record = self.repository.runs.setdefault(run.number, {"created_at": now(), "run_started_at": now()})
        record |= {
            "id": run.number,
            "name": run.workflow.name,
            "path": run.workflow.path,
            "event": event.name,
            "status": status,
            "conclusion": run.conclusion if status == "completed" else None,
            "head_branch": head.get("ref") or re.sub(r"^refs/(heads|tags)/", "", event.ref),
            "head_sha": head.get("sha") or run.sha,
            "run_number": run.number - 100,
            "run_attempt": run.attempt,
            "actor": event.actor,
            "head_repository": self.repository.github.repositories[source],
            "updated_at": now(),
        }

    def _check_run(self, run: Run, name: str) -> None:
        """A job is a check run at the head commit, by the job's name: what a required check looks for."""
        checks, record = self.repository.check_runs, self.repository.runs[run.number]
        title = str(run.workflow.jobs[name].get("name") or name)
        checks[:] = [c for c in checks if (c["name"], c["head_sha"]) != (title, record["head_sha"])]
        result = run.jobs[name].result
        made = {"id": next(self.repository.github.ids), "name": title, "head_sha": record["head_sha"]}
        done = result != "waiting"
        made |= {"status": "completed" if done else "queued", "conclusion": result if done else None}
        checks.append(made)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _in_order(jobs: dict[str, dict[str, Any]]) -> list[str]:
    """The jobs, each after those it needs."""
    needs = {name: _listed(job.get("needs")) for name, job in jobs.items()}
    return list(graphlib.TopologicalSorter(needs).static_order())


def _ancestors(jobs: dict[str, dict[str, Any]], name: str) -> list[str]:
    direct = _listed(jobs[name].get("needs"))
    return list(dict.fromkeys([*direct, *(above for other in direct for above in _ancestors(jobs, other))]))


def _inputs(run: Run) -> dict[str, Any]:
    """The inputs context: the payload's texts, booleans as booleans."""
    given = run.event.payload.get("inputs") or {}
    declared = (run.workflow.on.get("workflow_dispatch") or {}).get("inputs") or {}
    return {n: value == "true" if declared[n]["type"] == "boolean" else value for n, value in given.items()}


def _fill_inputs(run: Run) -> None:
    """Defaults and checks of workflow_dispatch, as GitHub does before it starts a run. Raises ValueError."""
    declared = (run.workflow.on["workflow_dispatch"] or {}).get("inputs") or {}
    given = run.event.payload.get("inputs") or {}
    if unknown := set(given) - set(declared):
        raise ValueError(f"Unexpected inputs provided: {sorted(unknown)}")
    filled = {}
    for name, spec in declared.items():
        value = given.get(name, spec.get("default"))
        if spec.get("required") and value in (None, ""):
            raise ValueError(f"Required input '{name}' not provided")
        if spec.get("options") and value not in spec["options"]:
            raise ValueError(f"Provided value '{value}' for input '{name}' not in the list of allowed values")
        filled[name] = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    run.event.payload["inputs"] = filled
