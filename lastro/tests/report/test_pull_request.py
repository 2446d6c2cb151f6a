"""The report as a page: what it says, and that nothing in it can be more than text."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastro.core.errors import LastroError
from lastro.operations.report.content import MAXIMUM_BYTES, Change, Chart, Other, Report, Rule, read
from lastro.operations.report.pull_request import MARKER, MAXIMUM_LENGTH, render
from tests.report.test_escape import HOSTILE


def test_says_what_changed_and_what_came_of_it(make):
    page = render(make())
    assert page.startswith(MARKER)
    for said in (
        "✅ pass",
        "| `model.params.max_depth` | `3` | `4` |",
        "| **`roc_auc`** | 0.9 | 0.8 to 0.95 | 0.85 | +0.05 (-0.01 to 0.1) |",
        "- Production: not compared: `nothing is in production yet`",
        "| `city` | `north` | 40 | 0.8 | 0.7 to 0.9 |",
        "- ✅ `rows`: `80 held-out rows`",
        "Ran in 3 s: `train`.",
        "xychart-beta",
    ):
        assert said in page


def test_the_next_step_is_one_line(make):
    def step(**changes) -> str:
        (line,) = [line for line in render(make(**changes)).splitlines() if line.startswith("**Next:**")]
        return line

    assert "dvc repro" in step()
    assert "merge; that registers" in step(lock="unchanged")
    assert "push again" in step(passed=False)
    assert "Nothing had to be trained" in render(make(ran=[]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.sampled_from(HOSTILE), st.text(max_size=300)))
def test_no_text_leaves_its_place(make, text):
    hostile = make(
        model_name=text, family=text, task=text, primary=text, ran=[text],
        changes=[Change(key=text, before=text, after=text)],
        base=Other(name=text, rows=1), production=Other(name=text, missing=text),
        rules=[Rule(name=text, passed=False, detail=text)],
        charts=[Chart(kind="learning", x_low=0.0, x_high=1.0, lines={text: [0.0]}),
                Chart(kind="importance", bars={text: 1.0})],
    )  # fmt: skip
    plain = make(
        model_name="x", family="x", task="x", primary="x", ran=["x"],
        changes=[Change(key="x", before="x", after="x")],
        base=Other(name="x", rows=1), production=Other(name="x", missing="x"),
        rules=[Rule(name="x", passed=False, detail="x")],
        charts=[Chart(kind="learning", x_low=0.0, x_high=1.0, lines={"x": [0.0]}),
                Chart(kind="importance", bars={"x": 1.0})],
    )  # fmt: skip
    bare = [re.sub(r"`[^`\n]+`", "`x`", render(report)) for report in (hostile, plain)]
    # An empty name has no line in the legend.
    assert bare[0] == bare[1] or not text


def test_a_page_fits_into_a_comment(make):
    rules = [Rule(name="r" * 80, passed=True, detail="d" * 2000)] * 60
    changes = [Change(key="k" * 200, before="b" * 500, after="a" * 500)] * 200
    page = render(make(rules=rules, changes=changes))
    assert len(page) < 65_536
    assert MAXIMUM_LENGTH < 65_536


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"version": 1}',
        b"x" * (MAXIMUM_BYTES + 1),
        b'{"a":' * 5000,
    ],
)
def test_a_forged_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(LastroError) as refused:
        read(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("rows", "80"), ("passed", "yes"), ("markdown", "# hi"), ("seconds", float("nan")), ("model", "../x"),
     ("model_name", "x" * 2001), ("rules", [{"name": "r", "passed": True, "detail": "d", "html": "<b>"}])],
)  # fmt: skip
def test_a_report_with_another_shape_is_refused(make, tmp_path, key, value):
    content = json.loads(make().model_dump_json()) | {key: value}
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content))
    with pytest.raises(LastroError, match="is no report"):
        read(path)


def test_a_report_comes_back_as_it_went(make, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(make().model_dump_json())
    assert read(path) == make()
    assert isinstance(read(path), Report)


def test_a_link_is_no_report(make, tmp_path):
    (tmp_path / "real.json").write_text(make().model_dump_json())
    (tmp_path / "report.json").symlink_to(tmp_path / "real.json")
    with pytest.raises(LastroError, match="is no file"):
        read(tmp_path / "report.json")
