"""`lastro register`: the one version of a commit's model."""

from __future__ import annotations

import click

from lastro.cli.common import JSON, opened_registry, print_json


@click.command("register")
@click.option("--rev", metavar="REV", help="A branch, tag or commit; without it, what is checked out.")
@click.option(
    "--pull-request",
    metavar="NUMBER",
    envvar="LASTRO_PULL_REQUEST",
    help="The pull request that the model comes from; LASTRO_PULL_REQUEST without it.",
)
@JSON
def command(rev: str | None, pull_request: str | None, as_json: bool) -> None:
    """Register the model of a commit, and point the alias test at it.

    The digest in the commit's dvc.lock says which model that is. A run that is missing is recorded first. Run again, or
    many times at once, it leaves one version and says which.
    """
    from lastro.core.paths import find_root
    from lastro.operations.registry import register as registration

    # Before the registry is asked, which takes long where it does not answer.
    found = registration.read_registrable(find_root(), rev)
    for reason in found.unverified:
        click.echo(f"warning: not verified: {reason.stage}: {reason.what}", err=True)
    with opened_registry() as (registry, root):
        done = registration.register(registry, root, found, rev, pull_request)
    version = done.version
    if as_json:
        print_json(
            {
                "name": registry.name,
                "version": version.number,
                "created": done.created,
                "run": version.run_id,
                "model": found.model,
                "commit": found.commit,
            }
        )
        return
    what = "registered" if done.created else "registered already"
    click.echo(f"{what}: {registry.name} version {version.number}, model {found.model}")
    if done.moved:
        click.echo(f"alias test: now at version {version.number}")
