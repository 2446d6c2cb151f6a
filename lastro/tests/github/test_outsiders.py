"""The report of a fork's run: posted by head commit, and never believed further than its form."""

from __future__ import annotations

import re
import struct

import pytest

from lastro.core.errors import LastroError
from lastro.operations.github.publish import comment_for_outsider, fetch_report
from lastro.operations.report.pull_request import MARKER
from tests.github.commands import a_run, artifact, as_bytes, client, report

pytestmark = pytest.mark.e2e
HOSTILE = "@everyone <img src=x onerror=alert(1)> [a](https://evil.example) #1 `x` |\n## no\n::error::x\n$(id) \u202eabc <!--"


@pytest.fixture
def fork(github, model):
    """Eve's fork with an open pull request; its head commit."""
    forked = github.fork("acme/model", "eve")
    head = forked.commit("x", {"params.yaml": "depth: 4\n"}, by="eve")
    return forked, model.open_pull("eve:x", HOSTILE[:50], by="eve"), head


@pytest.fixture
def caller(github, monkeypatch):
    return client(github, monkeypatch, actions="read", pull_requests="write", contents="read")


def test_posted_once_on_the_pull_request_of_the_commit(model, fork, caller):
    forked, pull, head = fork
    other = model.open_pull("eve:y", by="eve") if forked.commit("y", {"a": "b"}, by="eve") else None
    run = a_run(model, 7, head, forked)
    for passed in (True, False):
        artifact(model, run, {"report.json": as_bytes(report(passed=passed, lock="updated"))})
        assert comment_for_outsider(caller, fetch_report(caller, run), head) == 1
    [comment] = pull.comments
    assert comment["body"].startswith(MARKER)
    assert "❌ fail" in comment["body"]
    assert other.comments == []


def test_an_outdated_lock_comes_with_its_commands(model, fork, caller):
    forked, pull, head = fork
    run = a_run(model, 7, head, forked)
    artifact(model, run, {"report.json": as_bytes(report(lock="updated"))})
    comment_for_outsider(caller, fetch_report(caller, run), head)
    assert "`dvc repro`" in pull.comments[0]["body"]


def test_pushed_meanwhile_is_posted_nowhere(model, fork, caller):
    forked, pull, head = fork
    forked.commit("x", {"params.yaml": "depth: 5\n"}, by="eve")
    run = a_run(model, 7, head, forked)
    artifact(model, run, {"report.json": as_bytes(report())})
    assert comment_for_outsider(caller, fetch_report(caller, run), head) == 0
    assert pull.comments == []


def test_a_person_who_wrote_the_marker_keeps_the_comment(github, model, fork, caller):
    forked, pull, head = fork
    model.comments.append(
        {
            "id": 99,
            "issue": pull.number,
            "body": f"{MARKER} mine",
            "author": "eve",
            "created": "2026-01-01T00:00:00Z",
            "updated": "2026-01-01T00:00:00Z",
        }
    )
    run = a_run(model, 7, head, forked)
    artifact(model, run, {"report.json": as_bytes(report())})
    comment_for_outsider(caller, fetch_report(caller, run), head)
    mine, ours = (c["body"] for c in pull.comments)
    assert mine == f"{MARKER} mine"
    assert ours.startswith(f"{MARKER}\n\n## ✅ pass")


PLACES = {
    "name": lambda t: report(model_name=t),
    "change": lambda t: report(changes=[{"key": t, "before": t, "after": t}]),
    "rule": lambda t: report(rules=[{"name": t, "passed": True, "detail": t}]),
    "slice": lambda t: report(
        slices=[{"column": t, "group": t, "rows": 1, "value": 1.0, "low": 1.0, "high": 1.0}]
    ),
    "base": lambda t: report(base={"name": t, "missing": t}),
    "chart": lambda t: report(charts=[{"kind": "importance", "bars": {t: 1.0}}]),
    "line": lambda t: report(
        charts=[{"kind": "learning", "x_low": 0.0, "x_high": 1.0, "lines": {t: [1.0, 0.5]}}]
    ),
    "stage": lambda t: report(ran=[t], seconds=1.0),
    "failure": lambda t: {"error": t},
}


@pytest.mark.parametrize("place", PLACES)
def test_no_text_is_markup(model, fork, caller, place):
    forked, pull, head = fork
    run = a_run(model, 7, head, forked)
    artifact(model, run, {"report.json": as_bytes(PLACES[place](HOSTILE))})
    comment_for_outsider(caller, fetch_report(caller, run), head)
    body = pull.comments[0]["body"]
    # What remains outside of code, where GitHub reads markup.
    outside = re.sub(r"```.*?```", "", body, flags=re.S)
    outside = re.sub(r"`[^`\n]*`", "", outside)
    for sign in ("@everyone", "<img", "evil.example", "#1", "\u202e", "$(id)", "\n## no"):
        assert sign not in outside
    assert "\u202e" not in body
    assert "\n::error" not in body


def bomb() -> bytes:
    return b'{"a": "' + b"0" * 200_000_000 + b'"}'


FORGED = {
    "another name": ({"other.json": b"{}"}, "no readable"),
    "a path": ({"../report.json": as_bytes(report())}, "no readable"),
    "not JSON": ({"report.json": b"\x00\xff"}, "is no report"),
    "a list": ({"report.json": b"[]"}, "is no report"),
    "deep": ({"report.json": b"[" * 100_000}, "is no report"),
    "an unknown key": ({"report.json": as_bytes(report(markdown="# hi"))}, "is no report"),
    "a wrong type": ({"report.json": as_bytes(report(passed="yes"))}, "is no report"),
    "infinity": ({"report.json": b'{"seconds": Infinity}'}, "is no report"),
    "another version": ({"report.json": as_bytes(report(version=2))}, "is no report"),
    "a long text": ({"report.json": as_bytes(report(model_name="x" * 3000))}, "is no report"),
    "a long list": (
        {"report.json": as_bytes(report(rules=[{"name": "r", "passed": True, "detail": ""}] * 500))},
        "is no report",
    ),
    "a chart without an axis": (
        {"report.json": as_bytes(report(charts=[{"kind": "roc", "lines": {"x": [1.0]}}]))},
        "is no report",
    ),
    "a bomb": ({"report.json": bomb}, "bytes"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_artifact_is_one_line_and_no_comment(model, fork, caller, case):
    forked, pull, head = fork
    files, said = FORGED[case]
    run = a_run(model, 7, head, forked)
    artifact(
        model, run, {name: content() if callable(content) else content for name, content in files.items()}
    )
    with pytest.raises(LastroError, match=said) as error:
        fetch_report(caller, run)
    assert "\n" not in str(error.value)
    assert pull.comments == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip", struct.pack("<Q", 0) * 50])
def test_what_is_no_archive(model, fork, caller, content):
    forked, _, head = fork
    run = a_run(model, 7, head, forked)
    artifact(model, run, {"x": b""}).write_bytes(content)
    with pytest.raises(LastroError, match="no readable"):
        fetch_report(caller, run)


def test_too_large_is_not_fetched(github, model, fork, caller):
    forked, _, head = fork
    run = a_run(model, 7, head, forked)
    artifact(model, run, {"x": b""}).write_bytes(b"0" * 3_000_000)
    with pytest.raises(LastroError, match="more than"):
        fetch_report(caller, run)
    assert not any(path.endswith("/zip") for _, path, _, _ in github.requests)


def test_no_artifact(model, fork, caller):
    forked, _, head = fork
    assert fetch_report(caller, a_run(model, 7, head, forked)) is None


def test_our_own_branch_is_passed_over(model, caller):
    head = model.commit("x", {"params.yaml": "depth: 4\n"})
    pull = model.open_pull("x")
    run = a_run(model, 7, head, model)
    artifact(model, run, {"report.json": as_bytes(report())})
    assert comment_for_outsider(caller, fetch_report(caller, run), head) == 0
    assert pull.comments == []
