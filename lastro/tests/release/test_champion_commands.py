"""The comparison with production as the commands show it, with data that DVC brings back."""

from __future__ import annotations

import re

import pytest

from lastro.core.errors import LastroError, VerdictError
from lastro.operations.lineage import lineage
from lastro.operations.registry.artifact import restore
from tests.release.small_project import keys

pytestmark = pytest.mark.e2e


def rules(plan: dict) -> dict[str, dict]:
    return {rule["name"]: rule for rule in plan["verdict"]["rules"]}


@pytest.fixture
def parts(clone, tmp_path):
    """Keys of the parts of the prepared data at a revision, from DVC's cache."""

    def of(rev: str, *names: str) -> list:
        digest = lineage.read(clone.folder, rev).data
        return keys(restore(clone.folder, digest, tmp_path / "data" / rev), *names)

    return of


def test_same_data_is_compared_on_all_rows(clone, lastro, parts):
    clone.run("git", "tag", "v1.0.1", "deeper")
    found = rules(lastro.json("release", "plan", "v1.0.1"))
    n = len(parts("deeper", "test"))
    assert found["champion's rows"]["detail"].startswith(f"0 of {n} held-out rows are left out")
    assert (
        f"on {n} common rows (0 of the candidate's and 0 of the champion's left out)"
        in found["champion"]["detail"]
    )
    assert clone.run("git", "status", "--porcelain").stdout == ""


def test_rows_of_its_training_are_left_out_and_counted(clone, lastro, parts):
    clone.run("git", "tag", "v1.0.1", "reseeded")
    held_out, trained = parts("reseeded", "test"), set(parts("first", "train", "validation"))
    fair = [key for key in held_out if key not in trained]
    assert 5 < len(fair) < 30
    found = rules(lastro.json("release", "plan", "v1.0.1"))
    assert found["champion's rows"]["value"] == len(fair)
    left_out = len(held_out) - len(fair)
    assert found["champion's rows"]["detail"] == (
        f"{left_out} of {len(held_out)} held-out rows are left out, v1.0.0 (version 1) was trained on them; "
        f"{len(fair)} are left"
    )
    assert f"on {len(fair)} common rows ({left_out} of the candidate's" in found["champion"]["detail"]


def test_too_few_rows_left_fail_with_a_fix(clone, lastro):
    clone.run("git", "tag", "v1.0.1", "strict")
    with pytest.raises(VerdictError, match=r"must not be released \(champion's rows\)"):
        lastro("release", "plan", "v1.0.1")
    (line,) = [line for line in lastro.out.splitlines() if "FAIL champion's rows" in line]
    assert re.search(r"\d+ are left, at least 30 are needed; hold out rows that it has not seen", line)
    assert "or lower gate.min_rows" in line


def test_lost_input_is_said_and_a_reason_leads_past_it(clone, lastro):
    clone.run("git", "tag", "v2.0.0", "dropped")
    for command in (["release", "plan", "v2.0.0"], ["promote", "v2.0.0"]):
        with pytest.raises(VerdictError, match=r"v2.0.0: must not be released \(champion's rows\)") as failed:
            lastro(*command)
        assert "\n" not in str(failed.value)
    with pytest.raises(VerdictError):
        lastro("release", "plan", "v2.0.0")
    assert (
        "  FAIL champion's rows: v1.0.0 (version 1) cannot be scored on this data: its input city is no longer in the "
        'data; to release without a comparison: --without-champion "reason"\n'
    ) in lastro.out
    assert lastro.json("history")[0]["release"] == "v1.0.0"

    why = "the form asks for no city any more"
    assert f"  ok   champion's rows: not compared with v1.0.0: {why}\n" in lastro(
        "release", "plan", "v2.0.0", "--without-champion", why
    )
    lastro("promote", "v2.0.0", "--without-champion", why, "--reason", "new form")
    latest = lastro.json("history")[0]
    assert latest["release"] == "v2.0.0"
    assert latest["why"] == f"new form; without comparison: {why}"
    assert why in lastro("history")


@pytest.mark.parametrize("reason", ["", " \t"])
def test_reason_that_says_nothing_is_none(clone, lastro, reason):
    clone.run("git", "tag", "v2.0.0", "dropped")
    for command in (["release", "plan", "v2.0.0"], ["promote", "v2.0.0"]):
        with pytest.raises(LastroError, match=r"--without-champion: is empty"):
            lastro(*command, "--without-champion", reason)
