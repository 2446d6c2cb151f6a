"""What a release shows is its own commit's, whatever was evaluated since."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from lastro.core.errors import LastroError
from lastro.operations.lineage import lineage
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.release.plan import promote
from lastro.operations.release.tags import ReleaseTag
from lastro.operations.report.notes import write_notes
from tests.registry.conftest import clone, register, registry  # noqa: F401

pytestmark = pytest.mark.e2e

TAG = ReleaseTag.parse("v1.0.0")


@pytest.fixture
def released(registry, clone) -> Lineage:  # noqa: F811
    """The commit of v1.0.0, whose model's run holds another commit's evaluation since."""
    register(registry, clone, str(TAG))
    promote(registry, clone.folder, TAG, who="Test")
    clone.run("git", "checkout", "-q", str(TAG))
    clone.edit("params.yaml", "limits: {}", "limits: {accuracy: 1.0}")
    clone.edit("params.yaml", "resamples: 1000", "resamples: 500")
    clone.run("dvc", "repro")
    assert registry.run_of(registry.get(1)).data.tags["lastro.verdict"] == "fail"
    return lineage.read(clone.folder, str(TAG))


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_card_and_metrics_are_those_of_the_commit(registry, clone, released, tmp_path):  # noqa: F811
    write_notes(registry, clone.folder, TAG, "ghcr.io/o/r", tmp_path)
    assert md5(tmp_path / "model_card.md") == released.model_card
    assert md5(tmp_path / "metrics.json") == released.evaluation
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace["links"]["verdict"] == "pass"
    assert "verdict" not in [link["link"] for link in trace["broken"]]
    assert "accuracy is" not in (tmp_path / "notes.md").read_text()


def test_card_that_nothing_holds_any_more_is_refused(registry, clone, released, tmp_path):  # noqa: F811
    shutil.rmtree(clone.folder / ".dvc" / "cache")
    with pytest.raises(LastroError, match=r"outputs at .*: DVC cannot restore them .*dvc push") as refused:
        write_notes(registry, clone.folder, TAG, "ghcr.io/o/r", tmp_path)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "model_card.md").exists()
