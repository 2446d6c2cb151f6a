"""What the docker command prints when it fails decides the class of the error, once."""

from __future__ import annotations

import pytest

from lastro.core.docker import AbsentImageError, BadReferenceError, DeniedError, docker
from lastro.core.errors import ExternalError, LastroError


@pytest.mark.parametrize(
    ("printed", "kind"),
    [
        ("Error response from daemon: manifest unknown: manifest unknown", AbsentImageError),
        ("Error: No such image: lastro:none", AbsentImageError),
        ("failed to resolve reference: docker.io/a/b:c: not found", AbsentImageError),
        ("denied: requested access to the resource is denied", DeniedError),
        ("no basic auth credentials: unauthorized", DeniedError),
        ("invalid reference format", BadReferenceError),
        ("Cannot connect to the Docker daemon", ExternalError),
    ],
)
def test_a_failure_has_the_class_of_its_cause(tmp_path, monkeypatch, printed, kind):
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\necho '{printed}' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(LastroError) as failed:
        docker("pull", "a/b:c")
    assert type(failed.value) is kind
    assert str(failed.value) == f"docker pull: failed ({printed})"
