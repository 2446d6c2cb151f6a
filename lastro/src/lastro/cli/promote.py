"""`lastro promote`: a release tag into staging or production."""

from __future__ import annotations

import click

from lastro.cli.reason import given_reason


@click.command("promote")
@click.argument("tag")
@click.option(
    "--image", metavar="DIGEST", help="The published image, as sha256:…; kept with version and history."
)
@click.option("--reason", callback=given_reason, help="Why, for the history.")
@click.option(
    "--branch", metavar="NAME", help="The default branch; without it, that of the remote origin, or main."
)
@click.option(
    "--without-rival",
    metavar="REASON",
    callback=given_reason,
    help="Do not compare with the model in production; says why.",
)
@click.option(
    "--take-over", is_flag=True, help="Give up an interrupted promotion that nobody works on any more."
)
def command(
    tag: str,
    image: str | None,
    reason: str | None,
    branch: str | None,
    without_rival: str | None,
    take_over: bool,
) -> None:
    """Move the alias staging (vX.Y.Z-rc.N) or production (vX.Y.Z) to the model of TAG.

    All that `lastro release plan` checks is checked again first. The alias moves last; an interrupted promotion is completed
    by running it again.
    """
    from lastro.core.errors import LastroError
    from lastro.core.paths import find_root
    from lastro.operations.lineage import repository
    from lastro.operations.registry.client import one_line, open_registry
    from lastro.operations.release.promote import is_image, promote
    from lastro.operations.release.tags import ReleaseTag

    parsed, root = ReleaseTag.parse(tag), find_root()
    if image is not None and not is_image(image):
        raise LastroError(f"--image {image!r}: expected a digest, sha256: and 64 hexadecimal digits")
    with one_line():
        registry = open_registry(root)
        done = promote(
            registry,
            root,
            parsed,
            image,
            repository.who(root),
            reason or "release",
            branch,
            without_rival,
            take_over,
        )
    entry = done.entry
    what = "promoted already" if done.already else "promoted"
    click.echo(f"{what}: {entry.alias} is {entry.release}, {registry.name} version {entry.version}")
    if not done.already and entry.from_version:
        click.echo(f"before: {entry.from_release or 'no release'}, version {entry.from_version}")
