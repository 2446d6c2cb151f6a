"""Which revision is read, what is found in it, and what is said when it can't be."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.lineage import lineage


def md5(path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_digests_are_those_of_the_files(clone):
    found = lineage.read(clone.root)

    assert found.commit == clone.git("rev-parse", "HEAD")
    assert not found.dirty
    assert found.model == md5(clone.root / "models/model.bin")
    assert found.predictions == md5(clone.root / "reports/predictions.parquet")
    assert found.data == clone.lock()["stages"]["prepare"]["outs"][0]["md5"]
    assert found.data.endswith(".dir")
    assert (found.outdated, found.unverified) == ((), ())
    assert found == lineage.read(clone.root, "HEAD")


def test_every_way_to_name_a_revision(clone):
    first = clone.git("rev-parse", "HEAD")
    clone.git("tag", "light")
    clone.git("tag", "--annotate", "v1.0.0", "--message", "first release")
    clone.git("branch", "topic/a-b")
    old = lineage.read(clone.root)
    clone.replace("params.yaml", "0.1", "0.2")
    second = clone.commit()
    clone.commit("empty")

    for rev in (first, first[:8], "light", "v1.0.0", "refs/tags/v1.0.0", "topic/a-b", "HEAD~2", "HEAD^^"):
        assert lineage.read(clone.root, rev) == old, rev
    changed = lineage.read(clone.root, "HEAD~1")
    assert changed.commit == second
    assert [(item.stage, item.what) for item in changed.outdated] == [
        ("train", "params.yaml: model.params.learning_rate is 0.2, dvc.lock has 0.1")
    ]
    assert changed.params != old.params
    assert changed.model == old.model


@pytest.mark.parametrize(
    "rev",
    ["no-such", "", " ", "-h", "--all", "--help", "--upload-pack=touch x", "a..b", "HEAD:params.yaml",
     "HEAD~99", "0" * 40, "a\nb", "a\0b", "@{upstream}", "HEAD^{tree}", "é"],
)  # fmt: skip
def test_what_is_no_commit_is_refused(clone, rev):
    with pytest.raises(LastroError, match="this repository has no such commit") as error:
        lineage.read(clone.root, rev)

    assert "\n" not in str(error.value)


def test_a_branch_that_looks_like_an_option_is_read(clone):
    clone.git("update-ref", "refs/heads/--help", "HEAD")

    assert lineage.read(clone.root, "--help") == lineage.read(clone.root)


def test_nothing_is_checked_out_or_written(clone):
    clone.write("b.txt", "not committed\n")
    before = {path: path.stat().st_mtime_ns for path in clone.root.rglob("*") if ".git/" not in str(path)}
    index = (clone.root / ".git/index").stat().st_mtime_ns

    lineage.read(clone.root)
    assert not lineage.read(clone.root, "HEAD").outdated

    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (clone.root / ".git/index").stat().st_mtime_ns == index


def test_dirty_means_that_a_tracked_file_differs(clone):
    clone.write("notes.txt", "not tracked")
    assert not lineage.read(clone.root).dirty

    clone.git("add", "notes.txt")
    assert lineage.read(clone.root).dirty
    assert not lineage.read(clone.root, "HEAD").dirty


def test_a_repository_without_commits_has_no_commit(clone):
    shutil.rmtree(clone.root / ".git")
    clone.git("init", "--quiet")
    found = lineage.read(clone.root)
    assert (found.commit, found.dirty, found.outdated) == (None, False, ())


def test_the_repository_may_be_a_folder_of_a_larger_one(clone):
    shutil.rmtree(clone.root / ".git")
    clone.git("-C", "..", "init", "--quiet")
    clone.commit()

    assert lineage.read(clone.root, "HEAD") == lineage.read(clone.root)
    assert not lineage.read(clone.root, "HEAD").outdated


def test_params_digest_is_about_what_shapes_the_result(clone):
    digest = lineage.read(clone.root).params
    clone.replace("params.yaml", "explicit", "autolog")
    clone.replace("params.yaml", "depth: 3", "depth: 3.0")
    clone.replace("params.yaml", "name: tiny", "name: tiny  # a comment")
    clone.replace("params.yaml", "{source: data/raw/x.csv, target: y}", "{target: y, source: data/raw/x.csv}")
    # The gate judges the model, it does not make it.
    clone.replace("params.yaml", "auto}", "accuracy}")
    assert lineage.read(clone.root).params == digest

    clone.replace("params.yaml", "depth: 3.0", "depth: 4")
    assert lineage.read(clone.root).params != digest
    assert lineage.params_digest({"data": {1: [None, True, 1e-3], "a": "é"}}) == lineage.params_digest(
        {"data": {"a": "é", "1": [None, True, 0.001]}}
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("dvc.lock", None, None, "dvc.lock: does not exist; run `dvc repro` and commit dvc.lock"),
        ("dvc.yaml", None, None, "dvc.yaml: does not exist; restore it from Git"),
        ("params.yaml", None, None, "params.yaml: does not exist; restore it from Git"),
        ("dvc.lock", "stages:", "<<<<<<< HEAD\nstages:", "dvc.lock:2: holds conflict markers .*run `dvc"),
        ("dvc.lock", "stages:", "stages: [", "dvc.lock:4: is not YAML .*run `dvc repro`"),
        ("dvc.lock", "  train:", "  drain:", "dvc.lock: stage train records no models/model.bin; run `dvc"),
        ("dvc.lock", "path: models/model.bin", "path: m", "stage train records no models/model.bin"),
        ("dvc.lock", "path: data/prepared\n", "path: d\n", "stage prepare records no data/prepared"),
        ("dvc.lock", "    deps:\n", "    deps: 1\n    x:\n", "dvc.lock. validation failed"),
        ("dvc.yaml", "  train:", "  drain:", "there is no stage train, which writes models/model.bin; restore it"),
        ("dvc.yaml", "  train:", "  train: 1\n  x:", "dvc.yaml. validation failed"),
        ("dvc.yaml", "[data/prepared, b.txt]", "[1]", "dvc.yaml. validation failed"),
        ("params.yaml", "source:", "sauce:", "stages.prepare.cmd. in .*Could not find .data.source"),
        ("params.yaml", "source: data/raw/x.csv", "source: [a]", "Cannot interpolate data of type .list"),
        ("params.yaml", "name:", "name: [", "params.yaml:.* is not YAML .*; fix that line"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line(clone, file, old, new, message):
    if old is None:
        (clone.root / file).unlink()
    else:
        text = (clone.root / file).read_text()
        assert old in text
        clone.write(file, text.replace(old, new, 1))
    clone.commit()

    with pytest.raises(LastroError, match=message) as on_disk:
        lineage.read(clone.root)
    with pytest.raises(LastroError, match=" at HEAD:") as committed:
        lineage.read(clone.root, "HEAD")
    for error in (on_disk, committed):
        assert "\n" not in str(error.value)


def test_not_a_git_repository(clone):
    shutil.rmtree(clone.root / ".git")
    for rev in (None, "HEAD"):
        with pytest.raises(LastroError, match="is not in a Git repository"):
            lineage.read(clone.root, rev)


def test_without_git(clone, monkeypatch):
    monkeypatch.setenv("PATH", "")
    for rev in (None, "HEAD"):
        with pytest.raises(ExternalError, match="git: not found on the PATH"):
            lineage.read(clone.root, rev)


def test_a_lost_object_is_said(clone):
    oid = clone.git("rev-parse", "HEAD:b.txt")
    os.remove(clone.root / ".git/objects" / oid[:2] / oid[2:])

    with pytest.raises(ExternalError, match="git fsck"):
        lineage.read(clone.root, "HEAD")


JUNK = st.sampled_from(
    [None, 1, 1.5, True, "x", "", [], {}, [1], [None], {"a": 1}, [{"path": 1}], {"x": [None]}]
)


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_files_hold_the_answer_is_digests_or_one_line(clone, template, data):
    file = data.draw(st.sampled_from(["dvc.lock", "dvc.yaml", "params.yaml"]))
    document = YAML(typ="safe").load(template / file)
    node, key = {"": document}, ""
    while isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
        node = node[key]
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
    node[key] = data.draw(JUNK)
    clone.write(file, json.dumps(node[key] if key == "" else document))

    message = ""
    try:
        lineage.read(clone.root)
    except LastroError as error:
        message = str(error)
    finally:
        shutil.copy(template / file, clone.root / file)
    assert "\n" not in message
