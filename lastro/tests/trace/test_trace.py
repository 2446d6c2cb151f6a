"""Every way into a chain leads to the same one, and what is broken is named where it is broken."""

from __future__ import annotations

import json

import pytest

from lastro.core.errors import ExternalError
from lastro.operations.lineage import lineage
from lastro.operations.registry import names
from lastro.operations.registry.versions import retire
from lastro.operations.release.plan import promote
from lastro.operations.release.tags import ReleaseTag
from lastro.operations.release.trace import find_start, follow, inspect_image
from lastro.operations.release.trace_links import Chain
from tests.registry.conftest import register

pytestmark = pytest.mark.e2e

IMAGE = "sha256:" + "c" * 64


def trace(registry, clone, what: str) -> Chain:
    return follow(registry, clone.folder, find_start(registry, clone.folder, what))


def broken(registry, clone, what: str) -> dict[str, str]:
    return {link.name: link.problem for link in trace(registry, clone, what).broken}


def test_every_name_leads_to_the_same_chain(registry, clone):
    for tag in ("v1.0.0", "v1.1.0", "v1.2.0"):
        register(registry, clone, tag)
    promote(registry, clone.folder, ReleaseTag.parse("v1.2.0"), image=IMAGE, who="Test")
    run = registry.get(3).run_id
    model = str(clone.folder / "models" / "model.bin")
    head = lineage.read(clone.folder, "HEAD")
    named = ["3", "test", "production", "v1.2.0", run, "HEAD", "main", head.commit[:10], head.model, model]
    named += [IMAGE, f"registry.example/team/model@{IMAGE}"]
    for what in named:
        chain = trace(registry, clone, what)
        assert not chain.broken, what
        links = chain.to_json()["links"]
        assert chain.start.model == head.model
        assert links["commit"]["commit"] == head.commit
        assert (links["data"], links["params"]["digest"]) == (head.data, head.params)
        assert links["params"]["values"]["model.params.max_depth"] == 2
        assert links["run"]["run"] == run
        assert links["metrics"]["roc_auc"]["low"] < links["metrics"]["roc_auc"]["value"]
        assert links["verdict"] == "pass"
        assert links["version"]["version"] == 3
        assert [release["release"] for release in links["release"]] == ["v1.2.0"]
        assert links["image"] == IMAGE
    older = trace(registry, clone, "v1.0.0")
    assert not older.broken
    assert older.to_json()["links"]["version"]["version"] == 1
    assert older.to_json()["links"]["release"] == []


def test_commands(registry, clone):
    first = clone.run("lastro", "trace", check=False)
    assert first.returncode == 1
    lines = first.stdout.splitlines()
    assert lines[1] == "broken at run: none is recorded for this model; lastro sync"
    assert lines[2].startswith("broken at version: none is registered for this model; lastro register --rev ")
    register(registry, clone)
    whole = clone.run("lastro", "trace", "test").stdout
    assert "the chain is whole" in whole
    assert "release  none yet" in whole
    assert json.loads(clone.run("lastro", "trace", "--json", "1").stdout)["whole"] is True
    unknown = clone.run("lastro", "trace", "nonsense", check=False)
    assert unknown.returncode == 2
    assert unknown.stdout.startswith("error: nonsense: is no version number, alias (test), model file")
    assert unknown.stdout.count("\n") == 1


def test_breaks_are_named_where_they_are(registry, clone):
    register(registry, clone, "v1.0.0")
    version = register(registry, clone).version
    promote(registry, clone.folder, ReleaseTag.parse("v1.2.0"), who="Test")
    registry.set_alias("staging", 2)
    assert "alias staging was set to version 2 by hand" in broken(registry, clone, "2")["release"]
    registry.delete_alias("staging")
    clone.run("git", "tag", "-f", "v1.2.0", "v1.1.0")
    assert "v1.2.0: the tag is at" in broken(registry, clone, "production")["release"]
    clone.run("git", "tag", "-f", "v1.2.0", "HEAD")
    registry.client.set_model_version_tag(registry.name, "2", names.DATA, "0" * 32)
    assert "was changed by hand" in broken(registry, clone, "2")["data"]
    registry.client.set_model_version_tag(registry.name, "2", names.DATA, version.tags[names.DATA])
    other = lineage.read(clone.folder, "v1.0.0").commit
    registry.client.set_model_version_tag(registry.name, "2", names.COMMIT, other)
    assert "names the model" in broken(registry, clone, "2")["commit"]
    registry.client.set_model_version_tag(registry.name, "2", names.COMMIT, "0" * 40)
    assert "no such commit" in broken(registry, clone, "2")["commit"]
    registry.client.set_model_version_tag(registry.name, "2", names.COMMIT, version.tags[names.COMMIT])
    registry.client.delete_run(version.run_id)
    assert "mlflow runs restore" in broken(registry, clone, "2")["run"]
    registry.client.restore_run(version.run_id)
    registry.create(version.run_id, version.tags, "")
    assert "versions 2, 3, expected one" in broken(registry, clone, "HEAD")["version"]
    registry.delete(3)
    assert broken(registry, clone, "HEAD") == {}


def test_retired_version_is_said(registry, clone):
    register(registry, clone)
    retire(registry, 1, "leaks")
    assert "retired: leaks" in clone.run("lastro", "trace", "1").stdout


def test_outdated_lock_breaks_the_chain_at_the_commit(registry, clone):
    register(registry, clone)
    clone.edit("params.yaml", "learning_rate: 0.1", "learning_rate: 0.2")
    clone.commit("Forgot dvc repro")
    assert "is outdated: train" in broken(registry, clone, "HEAD")["commit"]
    assert broken(registry, clone, "1") == {}


def test_tag_that_went_from_git_is_found_in_the_history(registry, clone):
    register(registry, clone)
    promote(registry, clone.folder, ReleaseTag.parse("v1.2.0"), who="Test")
    clone.run("git", "tag", "-d", "v1.2.0")
    chain = trace(registry, clone, "v1.2.0")
    assert not chain.broken
    assert "whose tag this clone lacks" in chain.start.kind


def test_image_without_docker_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExternalError, match=r"image team/model:1: Docker is not installed here"):
        inspect_image("team/model:1")


def test_on_a_server(server, clone, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    clone.edit("params.yaml", "name: breast-cancer ", "name: traced ")
    clone.run("dvc", "repro", LASTRO_TRACKING="off")
    clone.commit("Another name")
    env = {"MLFLOW_TRACKING_URI": server.uri}
    clone.run("lastro", "register", **env)
    shown = clone.run("lastro", "trace", "test", **env).stdout
    assert "the chain is whole" in shown
    assert f"{server.uri}/#/experiments/" in shown
