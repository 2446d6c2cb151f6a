"""params.yaml is strict, and every message names file, line, key, value and what is allowed."""

from __future__ import annotations

import pytest
import yaml

from lastro.core.document import Document
from lastro.core.errors import LastroError
from lastro.core.params import default_of
from lastro.families.catalog import FAMILIES, load_params
from tests import example


@pytest.fixture
def text() -> str:
    return example.PARAMS.read_text()


def refusal(tmp_path, text: str) -> str:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(LastroError) as caught:
        load_params(tmp_path / "params.yaml")
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("max_depth: 3", "max_dept: 3", ["model.params.max_dept", "unknown key", "did you mean max_depth"]),
        ("max_depth: 3", "max_depth: three", ["model.params.max_depth", "'three'", "integer"]),
        ("max_depth: 3", "max_depth: -1", ["model.params.max_depth", "-1", "greater than or equal to 0"]),
        ("max_depth: 3", "max_depth: 3.5", ["model.params.max_depth", "3.5"]),
        ("max_depth: 3", "max_depth:", ["model.params.max_depth", "None"]),
        ("learning_rate: 0.1", "learning_rate: .inf", ["model.params.learning_rate", "inf"]),
        ("family: xgboost", "family: xgbost", ["model.family", "'xgbost'", "did you mean xgboost"]),
        ("  source: ", "  sorce: ", ["data.sorce", "did you mean source"]),
        ("test: 0.2", "test: 1.2", ["data.split.test", "1.2", "less than 1"]),
        ("test: 0.2", "test: yes", ["data.split.test", "'yes'"]),
        ("test: 0.2", "test: 0.9", ["data.split", "must be below 1"]),
        ("task: auto", "task: ranking", ["data.task", "'ranking'", "'regression'"]),
        ("task: auto", "task: regression\n  extra: 1", ["data.extra", "unknown key"]),
        ("resamples: 1000", "resamples: 10", ["evaluation.resamples", "10", "100"]),
        ("limits: {}", "limits: {accurcy: 0.9}", ["gate.limits", "'accurcy'", "did you mean accuracy"]),
        ("metric: auto", "metric: rocauc", ["gate.metric", "'rocauc'", "roc_auc"]),
        ("mode: explicit", "mode: off", ["tracking.mode", "'autolog'"]),
        ("name: breast-cancer", "name: a/b", ["name", "'a/b'"]),
        ("name: breast-cancer", "nam: x", ["nam", "did you mean name"]),
    ],
)
def test_refusals_name_line_key_value_and_what_is_allowed(tmp_path, text, old, new, words):
    assert old in text
    changed = text.replace(old, new, 1)
    message = refusal(tmp_path, changed)
    place = message.split(":")[1]
    assert message.startswith("params.yaml:"), message
    for word in words:
        assert word in message, message
    # The line named holds the key named, or opens the section that is wrong as a whole.
    key = message.split(": ")[1].split(".")[-1]
    assert key in changed.splitlines()[int(place) - 1]


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("model", "{}"),
        ("model.family", '"xgboost"'),
        ("gate.slices.max_gap", "null"),
        ("gate.beat_baseline", "true"),
        ("name", None),
        ("data.target", None),
        ("model.family.x", None),
        ("nothing", None),
    ],
)
def test_default_of_a_key(key, default):
    assert default_of(key) == default


def test_repeated_key(tmp_path, text):
    message = refusal(tmp_path, text.replace("    max_depth: 3", "    max_depth: 3\n    max_depth: 9"))
    assert "model.params.max_depth is set twice" in message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: breast-cancer", "name: {{ x }}", ["a key of name", "{{ x }}", "quote it"]),
        ("max_depth: 3", "? [a, b]\n    : 3", ["a key of model.params"]),
        ("slices: []", "slices: [{{ x }}]", ["a key of evaluation.slices.0"]),
        ("target: target", "target: 2026-13-01", ["data.target", "'2026-13-01'", "quote it"]),
        ("target: target", "2026-13-01: target", ["data.2026-13-01", "quote it"]),
        ("target: target", "target: !!int x", ["data.target", "'x'"]),
    ],
)
def test_what_python_cannot_hold(tmp_path, text, old, new, words):
    assert old in text
    changed = text.replace(old, new, 1)
    message = refusal(tmp_path, changed)
    line = changed[: changed.index(new)].count("\n") + 1
    assert message.startswith(f"params.yaml:{line}: "), message
    for word in words:
        assert word in message, message


def test_a_merge_key_is_no_key_of_its_own():
    document = Document("a: &a {x: 1}\nb: {<<: *a, y: 2}\n")
    assert document.content["b"] == {"x": 1, "y": 2}


def test_an_anchor_around_its_own_alias(tmp_path, text):
    assert "alias" in refusal(tmp_path, text.replace("slices: []", "slices: &a [*a]"))


@pytest.mark.parametrize("broken", ["", "- a", "a: [", "\x00", "name: x\n\tdata: y"])
def test_not_a_document_of_sections(tmp_path, broken):
    assert refusal(tmp_path, broken).startswith("params.yaml")


def test_missing_file(tmp_path):
    with pytest.raises(LastroError, match="cannot be read"):
        load_params(tmp_path / "params.yaml")


def test_family_that_cannot_do_the_task(tmp_path, text):
    changed = text.replace("task: auto", "task: classification").replace(
        "family: xgboost", "family: elastic_net"
    )
    params = yaml.safe_load(changed)
    params["model"]["params"] = {}
    message = refusal(tmp_path, yaml.safe_dump(params))
    assert "elastic_net" in message
    assert "logistic_regression" in message


def test_numbers_read_as_dvc_writes_them(text):
    # DVC writes 0.00001 as 1e-05, which YAML 1.1 takes for text.
    params = Document(text.replace("learning_rate: 0.1", "learning_rate: 1e-05")).params()
    assert params.model.params["learning_rate"] == 1e-05


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_documented_example(family, root):
    page = (root / "lastro" / "docs" / "params.md").read_text()
    assert f"### {family}\n" in page
    assert f"family: {family}\n" in page
