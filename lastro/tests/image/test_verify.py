"""What is said of a container that gives no answer."""

from __future__ import annotations

import pytest

from lastro.operations.image import verify


def test_container_that_ended_at_once_says_why(monkeypatch):
    """A model that cannot be loaded ends the container before its port can be asked for."""
    printed = {"run": "a1b2\n", "port": "", "logs": "the model cannot be loaded (ValueError: x)\n", "rm": ""}
    monkeypatch.setattr(verify, "docker", lambda command, *_, **__: printed[command])
    with (
        pytest.raises(verify.NoAnswerError, match=r"ended before .* the model cannot be loaded"),
        verify.running("image"),
    ):
        pass
