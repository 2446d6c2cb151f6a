"""`lastro release`: what a tag would release."""

from __future__ import annotations

import click

from lastro.cli.common import BRANCH, JSON, WITHOUT_CHAMPION, opened_registry, print_json


@click.group("release")
def command() -> None:
    """Check release tags: vX.Y.Z for production, vX.Y.Z-rc.N for staging."""


@command.command("plan")
@click.argument("tag")
@BRANCH
@WITHOUT_CHAMPION
@JSON
def plan(tag: str, branch: str | None, without_champion: str | None, as_json: bool) -> None:
    """Say whether TAG may be released, and why; exit 1 when it may not.

    Resolves the tag to its commit, the model in its dvc.lock and the one registered version, then checks branch, version
    and interface, and runs the gate against the model that is in production now, on the same held-out rows.
    """
    from lastro.operations.release.plan import make_plan
    from lastro.operations.release.tags import ReleaseTag

    parsed = ReleaseTag.parse(tag)
    with opened_registry() as (registry, root):
        found = make_plan(registry, root, parsed, branch, without_champion)
    if as_json:
        print_json(found.to_json(registry.name))
    else:
        from lastro.cli.console import print_rules, print_verdict

        version = found.version.number
        click.echo(f"release: {tag} moves {parsed.alias} to {registry.name} version {version}")
        click.echo(f"  commit {found.lineage.commit}\n  model  {found.lineage.model}")
        now = found.production
        click.echo(f"  in production now: {f'{now.release}, version {now.version}' if now else 'nothing'}")
        for reason in found.lineage.unverified:
            click.echo(f"  not verified: {reason.stage}: {reason.what}")
        print_rules(found.rules)
        print_verdict(found.verdict)
    found.refuse_failed()
