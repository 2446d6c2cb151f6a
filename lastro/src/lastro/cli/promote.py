"""`lastro promote`: a release tag into staging or production."""

from __future__ import annotations

import click

from lastro.cli import common


@click.command("promote")
@click.argument("tag")
@click.option(
    "--image",
    metavar="DIGEST",
    callback=common.image_digest,
    help="The published image, as sha256:…; kept with version and history.",
)
@common.reason("--reason", help="Why, for the history.")
@common.BRANCH
@common.WITHOUT_CHAMPION
@common.TAKE_OVER
def command(
    tag: str,
    image: str | None,
    reason: str | None,
    branch: str | None,
    without_champion: str | None,
    take_over: bool,
) -> None:
    """Move the alias staging (vX.Y.Z-rc.N) or production (vX.Y.Z) to the model of TAG.

    All that `lastro release plan` checks is checked again first. The alias moves last; an interrupted promotion is completed
    by running it again.
    """
    from lastro.operations.lineage import git
    from lastro.operations.release.promote import promote
    from lastro.operations.release.tags import ReleaseTag

    parsed = ReleaseTag.parse(tag)
    with common.opened_registry() as (registry, root):
        done = promote(
            registry, root, parsed, image, git.who(root), reason or "release", branch,
            without_champion, take_over,
        )  # fmt: skip
    entry = done.entry
    what = "promoted already" if done.already else "promoted"
    click.echo(f"{what}: {entry.alias} is {entry.release}, {registry.name} version {entry.version}")
    if not done.already and entry.from_version:
        click.echo(f"before: {entry.from_release or 'no release'}, version {entry.from_version}")
