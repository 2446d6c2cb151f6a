"""What Docker's words about an image in a registry mean: it is not there, or this user may not see it, or Docker is broken."""

from __future__ import annotations

import pytest

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.image.publication import pull

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def says(tmp_path, monkeypatch):
    """A docker that fails with these words."""

    def make(words: str) -> None:
        program = tmp_path / "docker"
        program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{words}\nEND\nexit 1\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return make


@pytest.mark.parametrize(
    "words",
    [
        "Error response from daemon: manifest unknown: manifest unknown",
        f"Error response from daemon: manifest for acme/model@{DIGEST} not found: manifest unknown: manifest unknown",
        "Error response from daemon: repository 127.0.0.1:5000/acme/model not found: name unknown",
        f"Error response from daemon: failed to resolve reference: 127.0.0.1:5000/acme/model@{DIGEST}: not found",
    ],
)
def test_an_image_that_is_gone(says, words):
    says(words)
    with pytest.raises(LastroError, match="release a new tag") as error:
        pull("acme/model", DIGEST, "x")
    assert not isinstance(error.value, ExternalError)


@pytest.mark.parametrize(
    "words",
    [
        "Error response from daemon: denied: denied",
        "Error response from daemon: pull access denied for acme/model, repository does not exist or may require login",
        "Error response from daemon: unauthorized: authentication required",
    ],
)
def test_an_image_that_this_user_may_not_see(says, words):
    says(words)
    with pytest.raises(ExternalError, match="docker login"):
        pull("acme/model", DIGEST, "x")


def test_a_docker_that_is_broken_says_nothing_of_the_image(says):
    says(
        'error getting credentials - err: exec: "docker-credential-x": executable file not found in $PATH, out: ``'
    )
    with pytest.raises(ExternalError, match="executable file not found") as error:
        pull("acme/model", DIGEST, "x")
    assert "release a new tag" not in str(error.value)
