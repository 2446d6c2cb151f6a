"""The one required check: green for exactly one state of the jobs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastro.core.errors import LastroError
from lastro.operations.github.publish import why_not

RESULTS = ("success", "failure", "cancelled", "skipped")
GOOD = {"verdict": "success", "lock": "unchanged"}


def needs(experiment="success", publish="success", code="skipped", **outputs) -> str:
    jobs = {"experiment": {"result": experiment, "outputs": GOOD | outputs}}
    return json.dumps(
        jobs | {"publish": {"result": publish, "outputs": {}}, "code": {"result": code, "outputs": {}}}
    )


def test_green():
    assert why_not(needs()) is None
    assert why_not(needs(publish="skipped")) is None
    assert why_not(needs(lock="updated")) is None


@given(
    st.sampled_from(RESULTS),
    st.sampled_from(RESULTS),
    st.sampled_from(RESULTS),
    st.sampled_from(["success", "failure", "skipped", ""]),
    st.sampled_from(["unchanged", "updated", ""]),
)
def test_green_needs_every_part(experiment, publish, code, verdict, lock):
    reason = why_not(needs(experiment, publish, code, verdict=verdict, lock=lock))
    if reason is None:
        assert experiment == "success"
        assert verdict == "success"
        assert publish in ("success", "skipped")
        assert code in ("success", "skipped")
        assert lock == "unchanged" or publish == "success"
    else:
        assert "\n" not in reason


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"experiment": {}}', '{"experiment": {"result": "success"}}', "null"]
)
def test_what_github_does_not_write(text):
    with pytest.raises(LastroError, match="LASTRO_NEEDS"):
        why_not(text)


def test_a_fork_with_an_outdated_lock_is_told_how():
    assert "dvc repro" in why_not(needs(publish="skipped", lock="updated"))
    assert "dvc repro" in why_not(needs(publish="skipped", code="failure", lock="updated"))
