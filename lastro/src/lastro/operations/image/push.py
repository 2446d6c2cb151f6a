"""To an image registry, by way of the docker command and its credentials."""

from __future__ import annotations

import re
from pathlib import Path

from lastro.core.errors import ExternalError, VerdictError
from lastro.operations.image.docker import docker, inspect
from lastro.operations.image.verify import has_passed


def push(root: Path, image: str, repository: str, tags: list[str]) -> str:
    """Push the image as REPOSITORY:TAG for each tag; the digest under which the registry holds it.

    Raises:
        VerdictError: verify has not passed for this very image.
        ExternalError: the registry or Docker fails, or the registry holds something else.
    """
    image_id = inspect(image)["Id"]
    if not has_passed(root, image_id):
        raise VerdictError(
            "has not been verified here",
            where=f"{image} ({image_id[7:19]})",
            fix=f"lastro image verify {image} WHAT",
        )
    digests = set()
    for tag in tags:
        name = f"{repository}:{tag}"
        docker("tag", image_id, name)
        found = re.search(r"digest: (sha256:[0-9a-f]{64})", docker("push", name))
        if found is None:
            raise ExternalError("named no digest", where=f"docker push {name}")
        digests.add(found[1])
    if len(digests) != 1:
        raise ExternalError(
            f"took one image as {', '.join(sorted(digests))}", where=repository, fix="push again"
        )
    return digests.pop()
