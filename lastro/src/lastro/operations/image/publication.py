"""The published image in its registry: found again, and moving tags set, by digest."""

from __future__ import annotations

import re

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.image.docker import AbsentImageError, DeniedError, docker, inspect
from lastro.operations.image.subject import Subject
from lastro.operations.registry import names
from lastro.operations.release.tags import ReleaseTag


def address(repository: str) -> str:
    """The repository as registries write it: in small letters, which an owner's name on GitHub need not be."""
    return repository.lower()


def published(subject: Subject, repository: str, tag: str) -> bool:
    """Bring the image that an earlier try of this release has pushed, and name it `tag`; False where there is none.

    Raises:
        LastroError: under the release's tag the registry has an image of another commit or model.
        ExternalError: Docker or the registry fails.
    """
    if subject.release is None:
        raise LastroError("only a release has an image of its own", where="--from", fix="name a release tag")
    there = f"{address(repository)}:{ReleaseTag.parse(subject.release).image_tag}"
    try:
        docker("pull", "--quiet", there)
    except (AbsentImageError, DeniedError):
        return False
    labels = inspect(there)["Config"].get("Labels") or {}
    wrong = [key for key, value in subject.labels().items() if value and labels.get(key) != value]
    if wrong:
        raise LastroError(
            f"is in the registry with another {', '.join(wrong)}: {subject.release} was released from another "
            "commit",
            where=there,
            fix="choose a higher tag",
        )
    docker("tag", there, tag)
    return True


def pull(repository: str, digest: str, tag: str) -> None:
    """Bring the image with this digest, and name it `tag`.

    Raises:
        LastroError: the registry has it no more.
        ExternalError: Docker or the registry fails.
    """
    there = f"{address(repository)}@{digest}"
    try:
        docker("pull", "--quiet", there)
    except AbsentImageError:
        raise LastroError(
            "the registry has no such image any more", where=there, fix="release a new tag"
        ) from None
    except DeniedError as error:
        raise ExternalError(
            f"the registry refuses ({error})", where=there, fix="docker login, then again"
        ) from None
    docker("tag", there, tag)


def move_tags(repository: str, digest: str, release: ReleaseTag) -> list[str]:
    """Point the moving tags of `release` (X.Y, X, latest; none for a candidate) at the image; which they are.

    Raises:
        LastroError: the image is not of this release, or not there any more.
        ExternalError: Docker or the registry fails.
    """
    if release.candidate is not None:
        return []
    there = f"{address(repository)}@{digest}"
    local = f"lastro-move:{digest.removeprefix('sha256:')[:12]}"
    pull(repository, digest, local)
    label = (inspect(local)["Config"].get("Labels") or {}).get(names.RELEASE)
    if label != str(release):
        raise LastroError(f"is the image of {label or 'no release'}, not of {release}", where=there)
    moved = []
    for tag in release.moving_image_tags:
        name = f"{address(repository)}:{tag}"
        docker("tag", local, name)
        found = re.search(r"digest: (sha256:[0-9a-f]{64})", docker("push", name))
        if found is None or found[1] != digest:
            raise ExternalError(
                f"the registry holds {found[1] if found else 'no digest'}, not {digest}",
                where=f"docker push {name}",
            )
        moved.append(tag)
    return moved
