"""YAML as DVC reads it, and what is said of a file that is none."""

from __future__ import annotations

import pytest

from lastro.core.errors import LastroError
from lastro.core.yaml12 import load_mapping


@pytest.mark.parametrize(
    ("scalar", "value"),
    [("1e-05", 1e-5), ("1.", 1.0), ("1_000", 1000), ("010", 10), ("0o17", 15), ("on", "on"), ("NO", "NO"),
     ("True", True), ("~", None), ("12:30:45", "12:30:45"), ("'1'", "1"), ("[on, 1e-3]", ["on", 0.001])],
)  # fmt: skip
def test_a_scalar_is_that_of_version_1_2(scalar, value):
    found = load_mapping(f"key: {scalar}\n".encode(), "f", "")["key"]
    assert (found, type(found)) == (value, type(value))


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
def test_a_broken_file_is_one_line_with_its_fix(content, message):
    with pytest.raises(LastroError, match=message) as error:
        load_mapping(content, "dvc.lock", "do this")

    assert str(error.value).endswith("do this")
    assert "\n" not in str(error.value)
