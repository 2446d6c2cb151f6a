"""What people write into names and values stays text on the page."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from lastro.core.markdown import code

HOSTILE = [
    "`code` **bold** <script>alert(1)</script>",
    "@everyone see #1 and https://example.com or www.example.com",
    "a|b\\|c\\\\|d",
    "```\n</details>\n# Title\n| a | b |",
    "<!-- lastro report -->",
    "![x](https://example.com/x.png) [y](javascript:alert(1))",
    "\u202eright to left\u202c \x1b[31m \x00",
    "::error::x",
]


@given(st.one_of(st.sampled_from(HOSTILE), st.text()))
def test_text_stays_in_its_code_span(text):
    shown = code(text)
    assert re.fullmatch(r"`[^`|\r\n]+`", shown)
    assert len(shown) <= 302


def test_readable_text_is_shown_as_it_is():
    assert code("model.params.max_depth: 3 -> 4, <x> & \\") == "`model.params.max_depth: 3 -> 4, <x> & \\`"
