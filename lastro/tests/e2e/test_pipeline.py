"""A clone, DVC's own commands, and outputs that depend on the inputs alone."""

from __future__ import annotations

import json
import os
import re
import shutil

import pytest
import yaml

from tests import example
from tests.clones import Clone, make_clone

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def tracked(root, tmp_path_factory) -> Clone:
    """A clone after its first `dvc repro`, tracked."""
    clone = make_clone(root, tmp_path_factory.mktemp("tracked"))
    clone.first = clone.run("dvc", "repro").stdout
    return clone


@pytest.fixture
def copy_of(tracked, tmp_path):
    """A copy of the tracked clone, to change."""
    shutil.copytree(tracked.folder, tmp_path / "clone", symlinks=True)
    return Clone(tmp_path / "clone")


def test_first_run_prints_metrics_verdict_baseline_and_run(tracked):
    assert re.search(r"roc_auc +0\.\d+ +0\.\d+ to [01]", tracked.first)
    assert "baseline" in tracked.first
    assert "verdict: pass" in tracked.first
    assert re.search(r"run: xgboost-[0-9a-f]{8} \([0-9a-f]{32}\)", tracked.first)


def test_committed_lock_is_up_to_date(tracked):
    assert tracked.run("git", "status", "--porcelain").stdout == ""
    assert re.search(r"^lock +up to date$", tracked.run("lastro", "status").stdout, re.MULTILINE)


def test_second_run_does_nothing_and_says_so(tracked):
    out = tracked.run("dvc", "repro").stdout
    assert "Data and pipelines are up to date." in out
    assert "Running stage" not in out


def test_run_is_complete_and_sync_leaves_it_alone(tracked):
    assert tracked.run("lastro", "sync").stdout.startswith("complete already: xgboost-")


def test_check_obeys_the_verdict(copy_of):
    assert copy_of.run("lastro", "check").returncode == 0
    copy_of.edit("params.yaml", "limits: {}", "limits: {accuracy: 1.0}")
    copy_of.run("dvc", "repro", LASTRO_TRACKING="off")
    failed = copy_of.run("lastro", "check", check=False)
    assert failed.returncode == 1
    assert "error: the verdict is fail (limit on accuracy)" in failed.stdout
    # A verdict of other parameters, or of another model's outputs, is none.
    copy_of.edit("params.yaml", "accuracy: 1.0", "accuracy: 0.5")
    outdated = copy_of.run("lastro", "check", check=False)
    assert outdated.returncode == 2
    assert "dvc.lock is outdated" in outdated.stdout
    copy_of.edit("params.yaml", "accuracy: 0.5", "accuracy: 1.0")
    copy_of.edit("reports/verdict.json", '"passed": false', '"passed": true')
    forged = copy_of.run("lastro", "check", check=False)
    assert forged.returncode == 2
    assert "is not the file that dvc.lock records" in forged.stdout
    copy_of.run("dvc", "checkout", "--force")
    # DVC looks at the sections that the stages name only, and passes over a misspelt one.
    params = (copy_of.folder / "params.yaml").read_text()
    (copy_of.folder / "params.yaml").write_text(f"{params}\ngaet: {{}}\n")
    assert "up to date" in copy_of.run("dvc", "repro").stdout
    misspelt = copy_of.run("lastro", "check", check=False)
    assert misspelt.returncode == 2
    assert "gaet: unknown key" in misspelt.stdout
    (copy_of.folder / "params.yaml").write_text(params)
    # A champion that is the model itself changes nothing about the other rules.
    copy_of.edit("params.yaml", "limits: {accuracy: 1.0}", "limits: {}")
    copy_of.run("dvc", "repro", LASTRO_TRACKING="off")
    compared = copy_of.run("lastro", "check", "--champion", "reports/predictions.parquet")
    assert "champion" in compared.stdout


def test_dvc_commands_are_first_class(copy_of):
    out = copy_of.run("dvc", "exp", "run", "-S", "model.params.max_depth=4").stdout
    assert "Running stage 'train'" in out
    assert "Running stage 'prepare'" not in out
    shown = json.loads(copy_of.run("dvc", "exp", "show", "--json").stdout)
    assert "max_depth" in json.dumps(shown)
    metrics = json.loads(copy_of.run("dvc", "metrics", "diff", "HEAD", "--json").stdout)
    assert set(metrics["reports/metrics.json"]) >= {"log_loss"}
    params = json.loads(copy_of.run("dvc", "params", "diff", "HEAD", "--json").stdout)
    assert params["params.yaml"]["model.params.max_depth"] == {"old": 3, "new": 4, "diff": 1}
    plots = json.loads(copy_of.run("dvc", "plots", "diff", "HEAD", "--json", "--split").stdout)
    assert not plots.get("errors"), plots["errors"]
    drawn = {name: plot for name, plot in plots["data"].items() if plot}
    assert set(drawn) == {
        "ROC curve",
        "Precision and recall",
        "Calibration",
        "Confusion",
        "Learning curve",
        "Feature importance",
    }
    for plot in drawn.values():
        assert {rev for part in plot for rev in part["revisions"]} == {"HEAD", "workspace"}


def test_empty_value_from_dvc_is_refused(copy_of):
    failed = copy_of.run("dvc", "exp", "run", "-S", "model.params.max_depth=", check=False)
    assert failed.returncode
    assert "model.params.max_depth" in failed.stdout
    assert "Traceback" not in failed.stdout


def test_restored_from_the_run_cache_runs_nothing(copy_of, tmp_path):
    remote = str(tmp_path / "remote")
    copy_of.run("dvc", "remote", "modify", "--local", "local", "url", remote)
    copy_of.run("dvc", "push", "--run-cache")
    lock = copy_of.read("dvc.lock")
    fresh = tmp_path / "fresh"
    copy_of.run("git", "clone", "-q", str(copy_of.folder), str(fresh))
    clone = Clone(fresh)
    clone.run("dvc", "remote", "modify", "--local", "local", "url", remote)
    # The lock of a branch that a web editor changed is outdated; here it is gone altogether.
    (fresh / "dvc.lock").unlink()
    out = clone.run("dvc", "repro", "--pull").stdout
    assert "is cached - skipping run" in out
    assert "> lastro stage" not in out
    assert clone.read("dvc.lock") == lock
    synced = clone.run("lastro", "sync").stdout
    assert synced.startswith("recorded: ")
    assert clone.run("lastro", "sync").stdout.startswith("complete already: ")


def test_outside_file_reruns_prepare_when_it_changes_and_only_then(root, tmp_path):
    clone = make_clone(root, tmp_path / "clone", {"LASTRO_TRACKING": "off"})
    outside = tmp_path / "elsewhere" / "table.csv"
    rows = "".join(f"{i},{'ab'[i % 2]}\n" for i in range(60))
    outside.parent.mkdir()
    outside.write_text("x,label\n" + rows)
    params = yaml.safe_load(clone.read("params.yaml"))
    params["data"] |= {"source": str(outside), "target": "label"}
    params["gate"]["beat_baseline"] = False
    params["gate"]["min_rows"] = 5
    clone.write("params.yaml", yaml.safe_dump(params))
    assert "Running stage 'prepare'" in clone.run("dvc", "repro").stdout
    assert "Running stage" not in clone.run("dvc", "repro").stdout
    outside.touch()
    assert "Running stage" not in clone.run("dvc", "repro").stdout
    outside.write_text("x,label\n" + rows + "60,a\n")
    assert "Running stage 'prepare'" in clone.run("dvc", "repro").stdout
    assert str(outside) in clone.read("dvc.lock")


FAMILIES = {
    "xgboost": {"n_estimators": 40, "early_stopping_rounds": 5},
    "elastic_net": {"alpha": 0.1},
}
"""One for each task; what threads do to the bytes of every family is told in families/test_bytes.py."""
if os.environ.get("LASTRO_EVERY_FAMILY"):
    FAMILIES |= {
        "logistic_regression": {},
        "random_forest": {"n_estimators": 20},
        "hist_gradient_boosting": {"max_iter": 20},
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_lock_is_byte_identical_on_another_clone_and_at_any_thread_count(family, root, tmp_path):
    locks = []
    for threads in ("1", "3"):
        limits = {f"{name}_NUM_THREADS": threads for name in ("OMP", "OPENBLAS", "MKL")}
        limits |= {"LASTRO_TRACKING": "off", "LOKY_MAX_CPU_COUNT": threads}
        clone = make_clone(root, tmp_path / threads, limits)
        params = yaml.safe_load(clone.read("params.yaml"))
        params["model"] = {"family": family, "params": FAMILIES[family]}
        if family == "elastic_net":
            params["data"]["source"] = example.table("diabetes", clone.folder)
        clone.write("params.yaml", yaml.safe_dump(params))
        clone.run("dvc", "repro")
        locks.append(clone.read("dvc.lock"))
    # Twice in the same place, without the cache.
    clone.run("dvc", "repro", "--force")
    locks.append(clone.read("dvc.lock"))
    assert len(set(locks)) == 1
