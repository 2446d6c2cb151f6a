"""What `lastro status` prints."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from lastro.cli.lineage import status as command
from lastro.core.errors import LastroError
from lastro.operations.lineage import lineage


@pytest.fixture
def status(clone, monkeypatch):
    def run(*arguments: str) -> str:
        monkeypatch.chdir(clone.root / "src")
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    return run


def test_a_lock_that_is_up_to_date(clone, status):
    found = lineage.read(clone.root)

    assert status().splitlines() == [
        f"commit       {found.commit[:12]}",
        f"model        {found.model}",
        f"data         {found.data}",
        f"params       {found.params}",
        f"predictions  {found.predictions}",
        "lock         up to date",
    ]


def test_an_outdated_lock_is_information_with_its_fix(clone, status):
    clone.replace("params.yaml", "0.1", "0.2")
    clone.write("src/pkg/a.py", "a = 2\n")
    clone.replace("dvc.yaml", ", evaluation.slices", "")
    lines = status().splitlines()

    assert lines[0].endswith("(dirty: tracked files differ from it)")
    assert lines[5:] == [
        "lock         outdated",
        "  prepare: params.yaml: evaluation.slices is no longer a parameter",
        "  prepare: src/pkg: changed",
        "  train: params.yaml: model.params.learning_rate is 0.2, dvc.lock has 0.1",
        "fix          dvc repro --force --single-item prepare, dvc repro, then commit dvc.lock",
    ]


def test_another_revision(clone, status):
    clone.replace("params.yaml", "0.1", "0.2")
    clone.write(".gitignore", "/b.txt\n")
    clone.git("rm", "--cached", "--quiet", "b.txt")
    clone.commit()
    clone.git("tag", "v2.0.0")
    lines = status("--rev", "v2.0.0").splitlines()

    assert "fix          on a branch from v2.0.0: dvc repro, then commit dvc.lock" in lines
    assert lines[-3:] == [
        "unverified   cannot be compared from here",
        "  prepare: b.txt: is neither in Git nor tracked by DVC",
        "  train: b.txt: is neither in Git nor tracked by DVC",
    ]
    assert status("--rev", "HEAD~1").splitlines()[5] == "lock         up to date"


def test_json_is_for_programs(clone, status):
    clone.replace("params.yaml", "0.1", "0.2")
    found = json.loads(status("--json"))

    assert found["lock"] == "outdated"
    assert found["dirty"] is True
    assert found["model"] == lineage.read(clone.root).model
    assert found["outdated"] == [
        {
            "stage": "train",
            "what": "params.yaml: model.params.learning_rate is 0.2, dvc.lock has 0.1",
            "fix": "dvc repro",
        }
    ]
    assert found["unverified"] == []


def test_errors_are_left_to_the_caller(clone, status):
    with pytest.raises(LastroError, match="no such commit"):
        status("--rev", "-x")
