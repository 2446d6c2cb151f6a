"""`lastro report` in a clone: against the base, against production, and without either."""

from __future__ import annotations

import pytest

from lastro.operations.report.content import read
from tests.release.conftest import clone, lastro, line  # noqa: F401

pytestmark = pytest.mark.e2e


@pytest.fixture
def at(clone):  # noqa: F811
    """Checks a step out, with its outputs from DVC's cache."""

    def check_out(step: str) -> None:
        clone.run("git", "checkout", "-q", step)
        clone.run("dvc", "checkout", "-q", "--force")

    return check_out


def test_compares_with_base_and_production(at, clone, lastro, tmp_path):  # noqa: F811
    at("deeper")
    page = lastro("report", "--base", "first", "--json", str(tmp_path / "r.json"))
    report = read(tmp_path / "r.json")
    assert [(c.key, c.before, c.after) for c in report.changes] == [("model.params.max_depth", "3", "4")]
    assert report.base.name.startswith("first at ")
    assert report.base.rows == report.rows
    assert report.production.name == "v1.0.0, version 1"
    for metric in report.metrics:
        # The base is the model in production here, so both comparisons say the same.
        assert metric.base == metric.production
    assert [rule.name for rule in report.production_rules] == ["champion's rows", "champion"]
    assert "| `model.params.max_depth` | `3` | `4` |" in page
    assert clone.run("git", "status", "--porcelain").stdout == ""


def test_rows_that_the_base_was_trained_on_are_left_out(at, lastro, tmp_path):  # noqa: F811
    at("reseeded")
    lastro("report", "--base", "first", "--json", str(tmp_path / "r.json"))
    report = read(tmp_path / "r.json")
    assert 0 < report.base.rows < report.rows


def test_without_base_and_production(at, clone, lastro, tmp_path):  # noqa: F811
    at("deeper")
    (clone.folder / "mlflow.db").unlink()
    lastro("report", "--json", str(tmp_path / "r.json"))
    report = read(tmp_path / "r.json")
    assert report.base.missing
    assert report.production.missing
    assert not (clone.folder / "mlflow.db").exists()


def test_base_whose_outputs_are_lost(at, clone, lastro, tmp_path):  # noqa: F811
    at("deeper")
    digest = (
        clone.run("git", "show", "first:dvc.lock").stdout.split("predictions.parquet")[1].split("md5: ")[1]
    )
    digest = digest.split()[1] if digest.startswith("md5") else digest.split()[0]
    (clone.folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]).unlink()
    lastro("report", "--base", "first", "--json", str(tmp_path / "r.json"))
    report = read(tmp_path / "r.json")
    assert "neither in DVC's cache nor in its remote" in report.base.missing


def test_outdated_lock_is_refused(at, clone, lastro):  # noqa: F811
    from lastro.core.errors import LastroError

    at("deeper")
    clone.edit("params.yaml", '"max_depth": 4', '"max_depth": 5')
    with pytest.raises(LastroError, match=r"dvc\.lock is outdated"):
        lastro("report")
