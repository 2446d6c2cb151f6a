"""The image in its registry: pushed, found again, and moving tags set, by digest."""

from __future__ import annotations

import re
from pathlib import Path

from lastro.core.docker import AbsentImageError, DeniedError, docker, inspect, labels
from lastro.core.errors import ExternalError, LastroError, VerdictError
from lastro.operations.image.subject import Subject
from lastro.operations.registry import names
from lastro.operations.release.tags import ReleaseTag


def address(repository: str) -> str:
    """Write the repository as registries do: in small letters, which an owner's name on GitHub need not be."""
    return repository.lower()


def passed(root: Path, image_id: str) -> Path:
    """Return the file that is there where the image has passed verification on this machine; `push` asks for it."""
    return root / ".dvc" / "tmp" / "lastro-verified" / image_id.removeprefix("sha256:")


def push(root: Path, image: str, repository: str, tags: list[str]) -> str:
    """Push the image as REPOSITORY:TAG for each tag; return the digest under which the registry holds it.

    Raises:
        VerdictError: verify has not passed for this very image.
    """
    image_id = inspect(image)["Id"]
    if not passed(root, image_id).exists():
        where, fix = f"{image} ({image_id[7:19]})", f"lastro image verify {image} WHAT"
        raise VerdictError("has not been verified here", where=where, fix=fix)
    digests = {_push(image_id, f"{repository}:{tag}") for tag in tags}
    if len(digests) != 1:
        took = f"took one image as {', '.join(sorted(digests))}"
        raise ExternalError(took, where=repository, fix="push again")
    return digests.pop()


def _push(image: str, name: str) -> str:
    """Push a local image as `name`; return its digest."""
    docker("tag", image, name)
    found = re.search(r"digest: (sha256:[0-9a-f]{64})", docker("push", name))
    if found is None:
        raise ExternalError("named no digest", where=f"docker push {name}")
    return found[1]


def published(subject: Subject, repository: str, tag: str) -> bool:
    """Pull the image that an earlier try of this release has pushed, and name it `tag`; False where there is none.

    Raises:
        LastroError: under the release's tag the registry has an image of another commit or model.
    """
    if subject.release is None:
        raise LastroError("only a release has an image of its own", where="--from", fix="name a release tag")
    there = f"{address(repository)}:{ReleaseTag.parse(subject.release).image_tag}"
    try:
        docker("pull", "--quiet", there)
    except (AbsentImageError, DeniedError):
        return False
    wrong = subject.differing_labels(inspect(there))
    if wrong:
        problem = f"is in the registry with another {', '.join(wrong)}: {subject.release} was released from another commit"
        raise LastroError(problem, where=there, fix="choose a higher tag")
    docker("tag", there, tag)
    return True


def pull(repository: str, digest: str, tag: str) -> None:
    """Pull the image with this digest, and name it `tag`.

    Raises:
        LastroError: the registry no longer has it.
    """
    there = f"{address(repository)}@{digest}"
    try:
        docker("pull", "--quiet", there)
    except AbsentImageError:
        fix = "release a new tag"
        raise LastroError("the registry has no such image any more", where=there, fix=fix) from None
    except DeniedError as error:
        fix = "docker login, then again"
        raise ExternalError(f"the registry refuses ({error})", where=there, fix=fix) from None
    docker("tag", there, tag)


def move_tags(repository: str, digest: str, release: ReleaseTag) -> list[str]:
    """Point the moving tags of `release` (X.Y, X, latest; none for a candidate) at the image; return those tags.

    Raises:
        LastroError: the image is not of this release, or not there any more.
    """
    if release.candidate is not None:
        return []
    there = f"{address(repository)}@{digest}"
    local = f"lastro-move:{digest.removeprefix('sha256:')[:12]}"
    pull(repository, digest, local)
    label = labels(inspect(local)).get(names.RELEASE)
    if label != str(release):
        raise LastroError(f"is the image of {label or 'no release'}, not of {release}", where=there)
    for tag in release.moving_image_tags:
        name = f"{address(repository)}:{tag}"
        found = _push(local, name)
        if found != digest:
            raise ExternalError(f"the registry holds {found}, not {digest}", where=f"docker push {name}")
    return list(release.moving_image_tags)
