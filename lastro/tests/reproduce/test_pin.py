"""A commit is reproduced with the package that it pins."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from lastro.operations.lineage import pipeline

COMMIT = "a" * 40
WHEEL = "b" * 64


@pytest.fixture
def ran(monkeypatch) -> list[tuple[str, ...]]:
    """The modules that would be run, with their arguments."""
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(pipeline, "_run", lambda here, env, *arguments: calls.append(arguments) or 0)
    return calls


def install(monkeypatch, tmp_path, pin: str, installed: dict) -> None:
    record = SimpleNamespace(read_text=lambda name: json.dumps(installed))
    monkeypatch.setattr(pipeline.metadata, "distribution", lambda name: record)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/lastro.txt").write_text(pin)
    pipeline._install_pin(tmp_path, {})


@pytest.mark.parametrize(
    "installed", [{}, {"vcs_info": {"commit_id": "c" * 40}}, {"dir_info": {"editable": True}}]
)
def test_another_package_than_the_pinned_one_is_installed_beside_it(monkeypatch, tmp_path, ran, installed):
    install(
        monkeypatch,
        tmp_path,
        f"lastro @ git+https://example.org/lastro@{COMMIT}#subdirectory=lastro\n",
        installed,
    )
    (arguments,) = ran
    assert arguments[:2] == ("pip", "install")
    assert {"--no-deps", "--no-build-isolation", "requirements/lastro.txt"} < set(arguments)
    assert arguments[arguments.index("--target") + 1] == str(tmp_path / pipeline.PACKAGE)


@pytest.mark.parametrize(
    "installed",
    [{"vcs_info": {"commit_id": COMMIT}}, {"archive_info": {"hashes": {"sha256": WHEEL}}}],
)
def test_the_pinned_package_is_not_installed_again(monkeypatch, tmp_path, ran, installed):
    install(
        monkeypatch,
        tmp_path,
        f"lastro @ git+https://example.org/lastro@{COMMIT} --hash=sha256:{WHEEL}",
        installed,
    )
    assert ran == []


def test_the_package_in_the_repository_needs_no_pin(monkeypatch, tmp_path, ran):
    (tmp_path / "lastro/src").mkdir(parents=True)
    install(monkeypatch, tmp_path, "--editable ./lastro\n", {})
    assert ran == []
