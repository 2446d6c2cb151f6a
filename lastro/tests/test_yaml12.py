"""YAML as DVC reads it, judged by the parser that DVC uses."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from lastro.core.errors import LastroError
from lastro.core.yaml12 import load_mapping

SCALARS = [
    "1e-05", "1e5", "1.5e+3", ".5", "-.5", "1.", "1_000", "010", "0o17", "0x1F", "-0b101", "+3", "12:30:45",
    "on", "off", "yes", "NO", "y", "true", "False", "TRUE", "tRue", "null", "~", "", "Null", ".inf", "-.inf",
    ".NaN", "1.0", "'1'", '"on"', "[on, 1e-3]", "{a: 08}", "1e", "e5", "0", "-0", "1.2.3", "v1.0",
]  # fmt: skip


def same(left, right) -> bool:
    if isinstance(left, float) and math.isnan(left):
        return isinstance(right, float) and math.isnan(right)
    return type(left) is type(right) and left == right


@pytest.mark.parametrize("scalar", SCALARS)
def test_a_scalar_is_what_it_is_to_dvc(scalar):
    text = f"key: {scalar}\n"
    expected = YAML(typ="safe", pure=True).load(text)["key"]

    assert same(load_mapping(text.encode(), "f", "")["key"], expected)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="ascii")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(VALUES)
def test_what_dvc_writes_comes_back(value):
    stream = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump({"key": value}, stream)

    assert (
        load_mapping(stream.getvalue().encode(), "f", "")["key"]
        == YAML(typ="safe").load(stream.getvalue())["key"]
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> main\n", r"dvc.lock:2: holds conflict markers"),
        (b"a: [1\nb: 2\n", r"dvc.lock:2: is not YAML"),
        (b"\xff\xfe", r"dvc.lock: is not YAML \('utf-8'"),
        (b"a: -_\n", r"dvc.lock: is not YAML"),
        (b"- a\n", r"dvc.lock: expected keys with values, found \['a'\]"),
        (b"", r"dvc.lock: expected keys with values, found None"),
        (b"a: !!python/object:os.system {}\n", r"dvc.lock:1: is not YAML"),
    ],
)
def test_a_broken_file_is_one_line_with_its_mend(content, message):
    with pytest.raises(LastroError, match=message) as error:
        load_mapping(content, "dvc.lock", "do this")

    assert str(error.value).endswith("do this")
    assert "\n" not in str(error.value)
