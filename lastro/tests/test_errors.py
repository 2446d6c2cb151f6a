"""A mistake of the machine or the user is one line; a defect shows where it is."""

from __future__ import annotations

import pytest

from lastro.core.errors import exit_with_message
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
