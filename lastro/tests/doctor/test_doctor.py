"""Each part that a clone leans on, whole and broken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lastro.operations.github import job as github
from lastro.operations.lineage import doctor as machine
from tests.servers import free_port

IN_A_JOB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "team/model",
    "GITHUB_SHA": "0" * 40,
    "GITHUB_EVENT_NAME": "push",
}


def doctor(clone, *options: str, code: int = 0, **env: str) -> dict[str, dict[str, str]]:
    done = clone.run("lastro", "doctor", "--json", *options, check=False, **env)
    assert done.returncode == code, done.stdout
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def test_packages_that_differ_from_the_lock(tmp_path):
    lock = tmp_path / "runtime.lock"
    lock.write_text(
        "click==0.1 \\\n    --hash=sha256:00\nno-such-package==2.0 \\\n    --hash=sha256:00\n"
        "other==1 ; python_full_version < '3' \\\n    --hash=sha256:00\n"
    )
    click, missing = machine.different_packages(lock)
    assert str(click).startswith("click 8")
    assert str(click).endswith("(locked 0.1)")
    assert str(missing) == "no-such-package missing (locked 2.0)"


def test_packages_are_those_of_the_lock(root):
    assert machine.different_packages(root / "requirements" / "runtime.lock") == []


def test_outside_of_actions_github_is_not_asked(monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert list(github.examine()) == []


@pytest.mark.e2e
def test_embedded_store_and_remote_are_left_as_they_were(registry, clone):
    before = {
        path for path in clone.folder.rglob("*") if ".git" not in path.parts and "tmp" not in path.parts
    }
    checks = doctor(clone)
    for name in ("python", "packages", "git", "DVC remote", "tracking", "tracking rights", "artifacts"):
        assert checks[name]["state"] == "ok", checks[name]
    assert checks["DVC push"]["fix"] == "dvc push"
    doctor(clone)
    after = {path for path in clone.folder.rglob("*") if ".git" not in path.parts and "tmp" not in path.parts}
    assert [path for path in after - before if path.is_file()] == []
    experiment = registry.store.experiment.experiment_id
    assert list(registry.client.search_runs([experiment])) == []
    assert len(registry.client.search_runs([experiment], run_view_type=2)) == 1


@pytest.mark.e2e
def test_what_is_broken_is_one_line_with_its_fix(registry, clone):
    uri = f"http://127.0.0.1:{free_port()}"
    checks = doctor(clone, code=3, MLFLOW_TRACKING_URI=uri)
    assert checks["tracking"]["state"] == "failed"
    assert "start the server" in checks["tracking"]["fix"]
    blocked = clone.folder / "blocked"
    blocked.write_text("a file where the folder should be")
    clone.run("dvc", "remote", "modify", "--local", "local", "url", str(blocked / "remote"))
    checks = doctor(clone, code=3)
    assert "cannot write" in checks["DVC remote"]["what"]
    shutil.rmtree(clone.folder / "mlartifacts")
    (clone.folder / "mlartifacts").write_text("a file where the folder should be")
    assert "cannot upload" in doctor(clone, code=3)["artifacts"]["what"]


@pytest.mark.e2e
def test_without_a_server_a_job_is_told_what_to_set(registry, clone, tmp_path):
    output = tmp_path / "output"
    done = clone.run(
        "lastro", "doctor", "--ci", GITHUB_OUTPUT=str(output), MLFLOW_TRACKING_URI="", **IN_A_JOB
    )
    assert output.read_text() == "tracking=none\n"
    (notice,) = [line for line in done.stdout.splitlines() if line.startswith("::notice ")]
    assert "set the variable MLFLOW_TRACKING_URI" in notice
    assert not [line for line in done.stdout.splitlines() if line.startswith("failed ")]
    assert "it is a folder of this machine" in done.stdout
    assert "tracking rights" not in done.stdout


@pytest.mark.e2e
def test_without_its_history_a_clone_is_warned(clone, tmp_path):
    shallow = tmp_path / "shallow"
    clone.run("git", "clone", "--quiet", "--depth", "1", f"file://{clone.folder}", str(shallow))
    check = machine._git(Path(shallow))
    assert check.state == "warning"
    assert check.fix == "git fetch --unshallow --tags"
    shutil.rmtree(shallow)


AZURE = "azureml://westeurope.api.azureml.ms/mlflow/v1.0/subscriptions/0/resourceGroups/a/providers/b/workspaces/c"


def test_uri_of_azure_reaches_mlflow_unchanged(monkeypatch, tmp_path):
    from lastro.operations.tracking.address import tracking_uri

    monkeypatch.setenv("MLFLOW_TRACKING_URI", AZURE)
    assert tracking_uri(tmp_path) == AZURE


@pytest.mark.e2e
def test_azure_without_its_plug_in_is_one_line(registry, clone):
    check = doctor(clone, code=3, MLFLOW_TRACKING_URI=AZURE)["tracking"]
    assert check["state"] == "failed"
    assert "\n" not in check["what"]
