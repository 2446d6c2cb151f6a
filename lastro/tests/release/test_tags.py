"""The grammar of release tags and their order."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastro.core.errors import LastroError
from lastro.operations.release.tags import ReleaseTag, must_come_after

number = st.integers(0, 10**12)
tags = st.builds(ReleaseTag, number, number, number, st.none() | number)
small = st.builds(ReleaseTag, *[st.integers(0, 2)] * 3, st.none() | st.integers(0, 2))


@given(tags)
def test_a_tag_is_read_as_it_is_written(tag):
    assert ReleaseTag.parse(str(tag)) == tag
    assert tag.alias == ("staging" if "-rc." in str(tag) else "production")


@given(st.text(st.sampled_from("v0123.-rc\n +"), max_size=16))
def test_what_is_read_is_written_the_same_so_nothing_has_two_spellings(text):
    try:
        tag = ReleaseTag.parse(text)
    except LastroError:
        return
    assert str(tag) == text


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            "1.2.3",
            "v1.2",
            "v01.2.3",
            "v1.02.3",
            "v1.2.03",
            "V1.2.3",
            " v1.2.3",
            "v1.2.3\n",
            "v1.2.3.4",
            "v-1.2.3",
        ],
        *[
            "v1.2.3-rc",
            "v1.2.3-rc.01",
            "v1.2.3-rc.-1",
            "v1.2.3-rc.1.2",
            "v1.2.3-RC.1",
            "v1.2.3-beta.1",
            "v1.2.3+build",
        ],
        "v\N{ARABIC-INDIC DIGIT ONE}.2.3",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(LastroError, match=r"expected vX\.Y\.Z \(production\) or vX\.Y\.Z-rc\.N \(staging\)"):
        ReleaseTag.parse(text)


@given(small, small, small)
def test_order_is_total(a, b, c):
    assert (a < b) + (b < a) + (a == b) == 1
    assert not (a < b and b < c) or a < c


def test_order_is_that_of_semver():
    text = "v0.9.9 v1.0.0-rc.0 v1.0.0-rc.2 v1.0.0-rc.10 v1.0.0 v1.0.1-rc.1 v1.0.1 v1.2.0 v1.10.0 v2.0.0"
    order = [ReleaseTag.parse(tag) for tag in text.split()]
    assert sorted(reversed(order)) == order


@given(small, st.lists(small))
def test_a_release_has_to_pass_releases_and_a_candidate_its_own_kind_too(tag, released):
    others = must_come_after(tag, released)
    assert tag not in others
    for other in others:
        assert other.candidate is None or re.sub(r"-rc.*", "", str(other)) == str(tag.finalize_version())
    assert {o for o in released if o.candidate is None and o != tag} <= set(others)
