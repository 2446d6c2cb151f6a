"""What a local image says about itself, in its labels."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lastro.core import docker
from lastro.core.errors import ExternalError, LastroError
from lastro.operations.registry import names

REVISION = "org.opencontainers.image.revision"
SECONDS = 20


@dataclass(frozen=True)
class Labelled:
    """An image by its digest (its id where it was never pushed), and the model and commit that it is labelled with."""

    digest: str
    model: str | None
    commit: str | None


def digest_in(reference: str) -> str | None:
    """The digest that NAME@sha256:… or sha256:… names; None for a tag."""
    found = re.search(r"(?:^|@)(sha256:[0-9a-f]{64})$", reference)
    return found[1] if found else None


def inspect(reference: str) -> Labelled:
    """Ask Docker for a local image; nothing is pulled.

    Raises:
        ExternalError: Docker is not installed or its daemon does not answer.
        LastroError: there is no such image here, or it has no labels of Lastro's.
    """
    instead = "trace its release tag, or the digest that lastro history --json shows"
    try:
        found = docker.inspect(reference, SECONDS)
    except docker.AbsentImageError:
        raise LastroError(
            "was promoted under no such digest and is not on this machine",
            where=f"image {reference}",
            fix=f"docker pull it, or {instead}",
        ) from None
    except ExternalError as error:
        raise ExternalError(error.problem, where=f"image {reference}", fix=instead) from None
    labels = docker.labels(found)
    # Whoever built the image wrote these.
    model, commit = (
        value if value and re.fullmatch(pattern, value) else None
        for value, pattern in (
            (labels.get(names.MODEL), "[0-9a-f]{32}"),
            (labels.get(REVISION), "[0-9a-f]{40,64}"),
        )
    )
    if not model and not commit:
        raise LastroError(
            f"has no {names.MODEL} (an MD5) and no {REVISION} (a commit) among its labels; it was not built "
            "by lastro",
            where=f"image {reference}",
        )
    pushed = [digest for name in found.get("RepoDigests") or [] if (digest := digest_in(name))]
    return Labelled(pushed[0] if pushed else found["Id"], model, commit)
