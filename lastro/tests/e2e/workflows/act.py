"""nektos/act: found, or built by Go once per machine; runs one job of one workflow in host mode.

act knows neither permissions, filters, concurrency nor environments, and `-j` runs the needed jobs too. So one call
runs one job: the jobs it needs are replaced by stubs that give their results and outputs, and the token is this job's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from tests.github.npm import cache_folder
from tests.servers import need

VERSION = "v0.2.87"
LAST_STEP = "Keep the job's outputs (of the tests)"
ANNOTATIONS = ("error", "warning", "notice", "debug", "group")
DROPPED = (
    "ACTIONS_",
    "AWS_",
    "COVERAGE",
    "DVC_",
    "GITHUB_",
    "LASTRO_",
    "MLFLOW_",
    "PYTEST_",
    "PYTHON",
    "RUNNER_",
)


@lru_cache
def program() -> str:
    """act's program; skips where neither it nor Go is installed."""
    if found := shutil.which("act"):
        return found
    built = cache_folder() / f"act-{VERSION}" / "act"
    with FileLock(f"{built.parent}.lock"):
        if not built.exists():
            need(shutil.which("go"), "act, and Go to build it with,")
            env = os.environ | {"GOBIN": str(built.parent), "CGO_ENABLED": "0"}
            subprocess.run(["go", "install", f"github.com/nektos/act@{VERSION}"], check=True, env=env)
    return str(built)


@dataclass
class Step:
    name: str
    result: str
    seconds: float


@dataclass
class JobResult:
    """What a job did. result: success, failure, skipped; or waiting, for an environment's approval."""

    result: str
    outputs: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    log: str = ""
    summary: str = ""
    seconds: float = 0.0

    def step(self, part: str) -> Step:
        """The first step whose name or command holds a text. Raises LookupError."""
        for step in self.steps:
            if part in step.name:
                return step
        raise LookupError(f"no step {part!r} among {[step.name for step in self.steps]}")


@dataclass(frozen=True)
class Needed:
    """A job that has ended, as the next ones see it."""

    result: str
    outputs: dict[str, str]


def single_job(workflow: dict[str, Any], job: str, needs: dict[str, Needed], files: Path) -> dict[str, Any]:
    """A workflow of one job: stubs for those it needs, and a last step that keeps its outputs in files/outputs.json."""
    kept = {
        k: v
        for k, v in workflow["jobs"][job].items()
        if k not in ("if", "permissions", "concurrency", "environment")
    }
    outputs = list(kept.get("outputs", {}))
    if outputs and "steps" in kept:
        names = {f"JOB_OUTPUT_{n}": kept["outputs"][name] for n, name in enumerate(outputs)}
        code = "import json,os,sys;json.dump([os.environ[n] for n in sys.argv[2:]],open(sys.argv[1],'w'))"
        command = f'"$STAND_INS_PYTHON" -c "{code}" \'{files / "outputs.json"}\' {" ".join(names)}'
        last = {
            "name": "Keep the outputs",
            "if": "${{ always() }}",
            "shell": "bash",
            "env": names,
            "run": command,
        }
        kept["steps"] = [*kept["steps"], last]
    jobs: dict[str, Any] = {name: _stub(files, name, needed) for name, needed in needs.items()}
    # act runs it whatever became of those it needs: whether it runs at all has been decided.
    jobs[job] = {**kept, "if": "${{ always() }}"} if needs else kept
    return {**{k: v for k, v in workflow.items() if k in ("name", "on", "env", "defaults")}, "jobs": jobs}


def _stub(files: Path, name: str, needed: Needed) -> dict[str, Any]:
    lines = [f"{key}<<END_OF_OUTPUT\n{value}\nEND_OF_OUTPUT\n" for key, value in needed.outputs.items()]
    (files / f"needs-{name}").write_text("".join(lines))
    command = f"cat '{files / f'needs-{name}'}' >> \"$GITHUB_OUTPUT\""
    steps: list[dict[str, Any]] = [{"id": "stub", "run": command}]
    if needed.result != "success":
        steps.append({"run": "exit 1"})
    stub: dict[str, Any] = {"runs-on": "ubuntu-latest", "steps": steps}
    stub["outputs"] = {key: "${{ steps.stub.outputs['" + key + "'] }}" for key in needed.outputs}
    return stub | ({"if": "${{ false }}"} if needed.result == "skipped" else {})


def run_job(
    workflow: dict[str, Any],
    job: str,
    *,
    needs: dict[str, Needed],
    event: str,
    payload: dict[str, Any],
    folder: Path,
    sha: str,
    env: dict[str, str],
    secrets: dict[str, str],
    variables: dict[str, str],
    stand_ins: dict[str, Path],
    labels: set[str],
    actor: str,
    called: dict[str, str],
    minutes: float = 15,
) -> JobResult:
    """Run one job in a fresh folder below `folder`.

    env: what the runner gives each step (GITHUB_...). called: the texts of the workflows that a job may call, by path.
    """
    files, work = folder / "act", folder / "checkout"
    for place in (files, work / ".git", folder / "home"):
        place.mkdir(parents=True)
    # act asks this folder for the commit only.
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    (work / ".git" / "HEAD").write_text(f"{sha}\n")
    for path, text in called.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
    single = single_job(workflow, job, needs, files)
    (files / "workflow.yml").write_text(yaml.safe_dump(single, sort_keys=False, allow_unicode=True))
    (files / "event.json").write_text(json.dumps(payload))
    for name, values in {"secrets": secrets, "vars": variables, "env": env}.items():
        # act would expand $NAME in its own format, not in YAML.
        (files / f"{name}.yml").write_text(json.dumps(values, ensure_ascii=False))
    command = [
        program(),
        event,
        "-W",
        str(files / "workflow.yml"),
        "-j",
        job,
        "-e",
        str(files / "event.json"),
    ]
    command += ["-C", str(work), "--json", "--no-skip-checkout", "--no-cache-server", "--actor", actor]
    command += ["--secret-file", str(files / "secrets.yml"), "--var-file", str(files / "vars.yml")]
    command += ["--env-file", str(files / "env.yml"), "--action-cache-path", str(folder / "runner")]
    command += ["--input-file", "/dev/null"]
    command += [part for label in sorted(labels) for part in ("-P", f"{label}=-self-hosted")]
    for ref, place in stand_ins.items():
        command += ["--local-repository", f"{ref}={place}"]
    lines = _run(command, folder / "home", minutes)
    result = _read(lines, job)
    if (files / "outputs.json").exists():
        names = list(workflow["jobs"][job]["outputs"])
        result.outputs = dict(zip(names, json.loads((files / "outputs.json").read_text()), strict=True))
    return result


def _run(command: list[str], home: Path, minutes: float) -> list[dict[str, Any]]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(DROPPED)}
    env.pop("VIRTUAL_ENV", None)
    config = Path.home() / ".config/pip/pip.conf"
    env |= {"HOME": str(home), "PIP_CONFIG_FILE": str(config)} if config.exists() else {"HOME": str(home)}
    with subprocess.Popen(
        command,
        env=env,
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=minutes * 60)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    lines = []
    for line in output.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            lines.append({"level": "error", "msg": line, "raw_output": True})
    return lines


def _read(lines: list[dict[str, Any]], job: str) -> JobResult:
    # A called workflow's jobs are named after their caller.
    own = [
        line
        for line in lines
        if line.get("jobID", job) == job or re.match(rf"{re.escape(job)}/.+/", line.get("job", ""))
    ]
    results = {line["jobResult"] for line in own if "jobResult" in line}
    result = "failure" if "failure" in results or not results else "success"
    steps = [
        Step(line["step"], line["stepResult"], line.get("executionTime", 0) / 1e9)
        for line in own
        if "stepResult" in line and line.get("stage") == "Main" and len(line.get("stepID", ())) == 1
        if line["step"] != LAST_STEP
    ]
    shown = [
        line
        for line in own
        if line.get("raw_output") or line.get("level") == "error" or line.get("command") in ANNOTATIONS
    ]
    log = "".join(line["msg"] if line["msg"].endswith("\n") else line["msg"] + "\n" for line in shown)
    summary = "\n".join(line["content"] for line in own if line.get("command") == "summary")
    seconds = sum(line.get("executionTime", 0) / 1e9 for line in own if len(line.get("stepID", ())) == 1)
    return JobResult(result, {}, steps, log, summary, seconds)
