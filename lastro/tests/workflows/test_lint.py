"""actionlint with shellcheck and zizmor over the workflow files; and whether stand-ins declare what the real ones do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflows.conftest import FILES, GITHUB, ROOT

BIN = Path(sys.executable).parent
STAND_INS = ROOT / "lastro/tests/e2e/workflows/actions"
PIN = re.compile(r"@[0-9a-f]{40} # v(\d+)\S*")
# actionlint's list of actions does not have these.
UNKNOWN_TO_ACTIONLINT = {"actions/attest"}


def actionlint(*files: Path, stdin: str | None = None, folder: Path = ROOT) -> list[dict]:
    """The findings, each with message, filepath, line."""
    command = [str(BIN / "actionlint"), "-shellcheck", str(BIN / "shellcheck"), "-format", "{{json .}}"]
    command += ["-"] if stdin is not None else [str(file) for file in files]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout or "[]")


def test_actionlint_finds_nothing():
    assert actionlint(*FILES) == []


def test_actions_get_inputs_that_they_have(tmp_path):
    """actionlint knows the inputs of an action by its major version, not by its commit."""
    shutil.copytree(GITHUB, tmp_path / ".github")
    (tmp_path / ".git").mkdir()
    for file in (tmp_path / ".github").rglob("*.yml"):
        file.write_text(PIN.sub(r"@v\1", file.read_text()))
    assert actionlint(*(tmp_path / ".github/workflows").glob("*.yml"), folder=tmp_path) == []


def test_actionlint_runs_shellcheck():
    text = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo $A\n"
    assert "SC2086" in actionlint(stdin=text)[0]["message"]


def test_zizmor_finds_nothing():
    options = ["--offline", "--persona=pedantic", "--strict-collection", "--no-progress", "--format=plain"]
    done = subprocess.run([str(BIN / "zizmor"), *options, "."], cwd=GITHUB, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_ignore_has_its_reason():
    lines = (GITHUB / "zizmor.yml").read_text().splitlines()
    rules = yaml.safe_load("\n".join(lines))["rules"]
    for rule in rules:
        before = lines[lines.index(f"  {rule}:") - 1]
        assert before.startswith("  # "), f"{rule}: say why above it"
    assert [name for name, rule in rules.items() if "ignore" not in rule] == ["self-repository"]


def majors() -> dict[str, str]:
    """The third-party actions that the files use, with their major versions."""
    text = "".join(file.read_text() for file in GITHUB.rglob("*.yml"))
    return dict(re.findall(r"uses: ([\w./-]+)@[0-9a-f]{40} # v(\d+)", text))


def test_every_action_has_a_stand_in():
    assert [name for name in majors() if not (STAND_INS / name / "action.yml").exists()] == []


@pytest.mark.parametrize("name", sorted(majors()))
def test_stand_in_declares_the_real_inputs(name):
    step = f"{{uses: {name}@v{majors()[name]}, with: {{_: a}}}}"
    text = f"on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{step}]\n"
    said = [finding["message"] for finding in actionlint(stdin=text)]
    listed = [
        message.split("available inputs are ")[1] for message in said if "available inputs are" in message
    ]
    if name in UNKNOWN_TO_ACTIONLINT:
        assert not listed, f"actionlint knows {name} now: take it out of the list"
        return
    declared = yaml.safe_load((STAND_INS / name / "action.yml").read_text())["inputs"]
    assert sorted(declared) == sorted(re.findall(r'"([^"]+)"', listed[0]))
    required = {n for n, i in declared.items() if i.get("required") is True and "default" not in i}
    assert required == {
        re.findall(r'"([^"]+)"', message)[0] for message in said if message.startswith("missing input")
    }
