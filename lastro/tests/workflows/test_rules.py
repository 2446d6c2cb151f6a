"""The project's own rules for workflow files."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.clones import IDENTITY
from tests.workflows.conftest import ACTIONS, FILES, document, jobs, steps

# Jobs that may write, each with what: a new grant is a decision, to be made here too.
WRITES = {
    "comment.yml:comment": {"pull-requests"},
    "dependencies.yml:propose": {"actions", "contents", "pull-requests"},
    "docs.yml:publish": {"id-token", "pages"},
    "drift.yml:issue": {"issues"},
    "drift.yml:retrain": {"actions", "contents", "pull-requests"},
    "pull-request.yml:publish": {"contents", "pull-requests"},
    "pull-request.yml:ready": {"statuses"},
    "release.yml:deploy": {"packages", "id-token", "attestations"},
    "release.yml:release": {"contents"},
    "rollback.yml:rollback": {"contents", "packages"},
    "refresh-pulls.yml:update": {"actions", "pull-requests"},
}
SEVERAL_COMMANDS = re.compile(r"\n.|&&|\|\||;|\||\$\(|`")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_is_granted_at_the_top(file):
    assert document(file)["permissions"] == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_concurrency_is_decided(file):
    assert {"group", "cancel-in-progress"} <= set(document(file)["concurrency"])


def test_jobs_have_limits_grants_and_a_configurable_runner():
    for file, name, job in jobs():
        where = f"{file}:{name}"
        assert isinstance(job.get("permissions"), dict), f"{where}: permissions"
        assert job.get("name"), f"{where}: a name that people read"
        if "uses" not in job:
            assert 0 < job["timeout-minutes"] <= 360, f"{where}: timeout-minutes"
            assert "vars.RUNNER" in job["runs-on"], f"{where}: runs-on"


def test_grants_have_their_reasons():
    for file in FILES:
        lines = file.read_text().splitlines()
        for number, line in enumerate(lines, 1):
            if re.match(r"\s+[\w-]+: (read|write)\b", line):
                assert re.search(r"(read|write) # \w", line), f"{file.name}:{number}: say why"


def test_who_may_write():
    found = {
        f"{f}:{n}": {s for s, level in j["permissions"].items() if level == "write"} for f, n, j in jobs()
    }
    assert {where: scopes for where, scopes in found.items() if scopes} == WRITES


def test_actions_are_pinned_with_their_version():
    for file in [*FILES, *ACTIONS]:
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if re.match(r"\s*(- )?uses: (?!\./)", line):
                pinned = re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)
                assert pinned, f"{file.name}:{number}: a commit, with the version behind"


def test_one_action_one_version():
    pins = {}
    for where, step in steps():
        if "@" in step.get("uses", ""):
            name, ref = step["uses"].split("@")
            repository = "/".join(name.split("/")[:2])
            assert pins.setdefault(repository, ref) == ref, f"{where}: another version of {repository}"


def test_a_run_is_one_command():
    for where, step in steps():
        command = str(step.get("run", "")).strip()
        assert not SEVERAL_COMMANDS.search(command), f"{where}: {command}"


def test_expressions_stay_out_of_commands():
    for where, step in steps():
        assert "${{" not in str(step.get("run", "")), f"{where}: pass it by env"


def test_no_workflow_of_a_pull_request_with_the_bases_rights():
    assert [file.name for file in FILES if "pull_request_target" in document(file)["on"]] == []


def test_credentials_stay_behind_only_where_something_is_pushed():
    for where, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step.get("with", {}).get("persist-credentials") is False, where


def test_secrets_are_given_to_steps_only():
    for file in FILES:
        top = document(file)
        assert "secrets." not in str(top.get("env", "")), file.name
        for name, job in top["jobs"].items():
            rest = {key: value for key, value in job.items() if key != "steps"}
            assert "secrets" not in str(rest), f"{file.name}:{name}"


def test_code_of_a_pull_request_meets_no_token_that_writes():
    """Where a pull request's own code runs, the token reads; where it writes, the default branch's code runs."""
    for name, job in document(FILES[0].with_name("pull-request.yml"))["jobs"].items():
        checkouts = [s for s in job.get("steps", ()) if s.get("uses", "").startswith("actions/checkout@")]
        own = all("default_branch" in s.get("with", {}).get("ref", "") for s in checkouts)
        if "write" in job["permissions"].values():
            assert checkouts, f"{name}: it writes"
            assert own, f"{name}: it writes, so it runs the default branch's code"


def test_a_secret_is_withheld_from_code_that_nobody_has_looked_at():
    for name, job in document(FILES[0].with_name("pull-request.yml"))["jobs"].items():
        for step in job.get("steps", ()):
            for key, value in step.get("env", {}).items():
                if "secrets." in str(value):
                    guarded = "LASTRO_TRUSTED == 'true'" in value or "LASTRO_TRUSTED == 'true'" in step.get(
                        "if", ""
                    )
                    assert guarded, f"{name}: {key}"


def test_no_secret_is_passed_on_to_the_tests_of_a_pull_requests_code():
    jobs = document(FILES[0].with_name("pull-request.yml"))["jobs"]
    assert [name for name, job in jobs.items() if "uses" in job] == ["code"]
    assert "secrets" not in jobs["code"]


@pytest.mark.parametrize(
    ("path", "is_code"),
    [
        ("params.yaml", False),
        ("data/schema.json", False),
        ("data/table.csv", False),
        ("data/parts/part-0.parquet", False),
        # DVC runs the commands of these, wherever they lie.
        ("data/dvc.yaml", True),
        ("data/table.csv.dvc", True),
        ("data/make.py", True),
        ("docs/generate.py", True),
        ("docs/page.md", True),
        ("data/params.yaml", True),
    ],
)
def test_code_is_what_is_no_table(path, is_code, tmp_path):
    [command] = [
        step["run"]
        for step in document(FILES[0].with_name("pull-request.yml"))["jobs"]["experiment"]["steps"]
        if step.get("id") == "code"
    ]
    env = {**os.environ, **IDENTITY, "BASE_BRANCH": "main", "GIT_CONFIG_GLOBAL": os.devnull}

    def run(*words: str) -> int:
        return subprocess.run(words, cwd=tmp_path, env=env).returncode

    run("git", "init", "--quiet", "--initial-branch", "main")
    run("git", "commit", "--quiet", "--allow-empty", "--message", "base")
    run("git", "update-ref", "refs/remotes/origin/main", "HEAD")
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("a change")
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", "change")
    assert run("bash", "-e", "-c", command) == int(is_code)
