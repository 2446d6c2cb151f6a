"""`lastro image`: the published image."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import click

from lastro.cli.common import cli, image_digest, opened_registry, print_table
from lastro.core.errors import ExternalError, LastroError, VerdictError
from lastro.core.files import write_whole
from lastro.core.paths import find_root
from lastro.operations.github import job

IMAGE = click.argument("image", metavar="IMAGE")
REPOSITORY = click.argument("repository", metavar="REPOSITORY")
DIGEST = click.argument("digest", metavar="DIGEST", callback=image_digest)


@cli.group("image")
def images() -> None:
    """Build, verify, push and run the image of a registered version."""


@images.command("build")
@click.argument("what", metavar="WHAT")
@click.option("--tag", required=True, metavar="NAME:TAG", help="What the image is called.")
@click.option("--no-cache", is_flag=True, help="Collect the published image's files again.")
@click.option(
    "--from",
    "repository",
    metavar="REPOSITORY",
    envvar="LASTRO_REPOSITORY",
    help="Where an earlier attempt may have pushed the image of the release: that one is taken then.",
)
def build_image(what: str, tag: str, no_cache: bool, repository: str | None) -> None:
    """Build the image of WHAT, a version number, an alias or a release tag.

    `mlflow models build-docker` builds a first image, the repository's Dockerfile the published one from it.
    """
    from lastro.operations.image.build import build
    from lastro.operations.image.publication import published
    from lastro.operations.image.subject import find_subject

    with opened_registry() as (registry, root):
        subject = find_subject(registry, root, what)
        if repository and published(subject, repository, tag):
            click.echo(f"taken: {tag}, which was pushed to {repository} before")
            return
        built = build(root, subject, tag, no_cache)
    click.echo(f"built: {tag}, {built}, {registry.name} version {subject.version.number}")


@images.command("verify")
@IMAGE
@click.argument("what", metavar="WHAT")
def verify_image(image: str, what: str) -> None:
    """Verify that IMAGE is WHAT's, which it was built from; exit 1 where anything differs.

    Starts it without rights, sends every held-out row in every form and compares with the recorded predictions, sends bad
    requests, checks labels and user, and stops it.
    """
    from lastro.operations.image.publication import passed
    from lastro.operations.image.subject import find_subject
    from lastro.operations.image.verify import verify

    with opened_registry() as (registry, root):
        image_id, checks = verify(root, image, find_subject(registry, root, what))
    print_table([("ok" if c.passed else "FAIL", c.name, c.detail) for c in checks], tablefmt="plain")
    failed = [check.name for check in checks if not check.passed]
    if failed:
        raise VerdictError(f"must not be published ({', '.join(failed)})", where=image)
    record = passed(root, image_id)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.touch()
    click.echo(f"verified: {image}, {image_id}")


@images.command("push")
@IMAGE
@REPOSITORY
@click.option("--tag", "tags", multiple=True, help="May be given more than once.")
@click.option("--release", metavar="TAG", help="Push it under the release's own tag: 1.2.3 for v1.2.3.")
def push_image(image: str, repository: str, tags: tuple[str, ...], release: str | None) -> None:
    """Push IMAGE to REPOSITORY (registry/owner/name); prints the digest. Refuses an image that verify has not passed."""
    from lastro.operations.image.publication import address, push
    from lastro.operations.release.tags import ReleaseTag

    wanted = [*tags, *([ReleaseTag.parse(release).image_tag] if release else [])]
    if not wanted:
        raise LastroError("expected --tag NAME or --release vX.Y.Z", where="lastro image push")
    digest = push(find_root(), image, address(repository), wanted)
    job.output(digest=digest, repository=address(repository))
    click.echo(digest)


@images.command("pull")
@REPOSITORY
@DIGEST
@click.option("--tag", required=True, metavar="NAME:TAG", help="What the image is called here.")
def pull_image(repository: str, digest: str, tag: str) -> None:
    """Pull the image with DIGEST (sha256:…) from REPOSITORY, as it was released."""
    from lastro.operations.image.publication import pull

    pull(repository, digest, tag)
    click.echo(f"pulled: {tag}")


@images.command("move")
@REPOSITORY
@DIGEST
@click.argument("release", metavar="TAG")
def move_tags(repository: str, digest: str, release: str) -> None:
    """Point X.Y, X and latest in REPOSITORY at the image of the release TAG; a candidate moves none."""
    from lastro.operations.image.publication import move_tags as move
    from lastro.operations.release.tags import ReleaseTag

    moved = move(repository, digest, ReleaseTag.parse(release))
    click.echo(f"moved: {', '.join(moved)}" if moved else f"{release}: is a candidate and moves no tag")


@images.command("sbom")
@IMAGE
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    show_default="this folder",
    metavar="DIR",
    help="Where the two files go.",
)
def sbom_image(image: str, output: Path) -> None:
    """Write the bill of materials of IMAGE (sbom.cdx.json, CycloneDX) and all licences in it (licences.txt).

    Reads the image's file system, and runs nothing of it. Needs requirements/sbom.lock.
    """
    from lastro.core.docker import inspect

    if find_spec("cyclonedx_py") is None:
        fix = "python -m pip install --require-hashes -r requirements/sbom.lock"
        raise LastroError("is not installed here", where="cyclonedx-bom", fix=fix)
    from lastro.operations.image import contents, sbom

    found = inspect(image)
    held = contents.read_image(found["Id"])
    text = sbom.describe(found, held)
    for name, content in ((sbom.FILE, text), (contents.LICENCES, held.licences(sbom.declared(text)))):
        write_whole(output / name, content)
        click.echo(output / name)


@images.command("run")
@IMAGE
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
def run_image(image: str, port: int) -> None:
    """Run IMAGE on a port of this machine, hardened, until Ctrl-C."""
    from lastro.core.docker import HARDENED, PORT

    click.echo(f"http://127.0.0.1:{port}/docs; Ctrl-C ends it")
    command = ["docker", "run", "--rm", "--init", *HARDENED, f"--publish=127.0.0.1:{port}:{PORT}", image]
    try:
        os.execvp("docker", command)
    except FileNotFoundError:
        raise ExternalError("Docker is not installed here", where="docker run", fix="lastro doctor") from None
