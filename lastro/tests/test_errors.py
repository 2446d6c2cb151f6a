"""A mistake of the machine or the user is one line; a defect shows where it is."""

from __future__ import annotations

import pytest

from lastro.core.errors import ExternalError, LastroError, exit_with_message
from lastro.operations.registry.client import one_line


def test_a_file_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()

    def work() -> None:
        with one_line():
            (tmp_path / "file" / "inner").write_text("x")

    with pytest.raises(SystemExit) as ended:
        exit_with_message(work)
    said = capsys.readouterr().err
    assert ended.value.code == 3
    assert said.startswith(f"error: {tmp_path}/file/inner: Not a directory")
    assert said.count("\n") == 1
    assert "tracking server" not in said


def test_a_defect_is_no_line():
    with pytest.raises(KeyError):
        exit_with_message(lambda: {}["x"])


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "is empty"),
        ({"where": "a.csv:2"}, "a.csv:2: is empty"),
        ({"fix": "fill it"}, "is empty; fill it"),
        ({"where": "a.csv:2", "fix": "fill it"}, "a.csv:2: is empty; fill it"),
    ],
)
def test_an_error_is_where_problem_fix(fields, line):
    error = LastroError("is empty", **fields)
    assert str(error) == line
    assert error.summary == line.removesuffix("; fill it")
    assert str(error.within("params.yaml")) == f"params.yaml: {line}"


def test_an_error_keeps_its_kind_where_a_place_is_put_in_front():
    error = ExternalError("no answer", where="git").within("lastro merge")
    assert isinstance(error, ExternalError)
    assert (error.where, error.problem, error.fix) == ("lastro merge: git", "no answer", "")
