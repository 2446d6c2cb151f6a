"""`lastro release`: what a tag would release."""

from __future__ import annotations

import click

from lastro.cli.reason import given_reason


@click.group("release")
def command() -> None:
    """Check release tags: vX.Y.Z for production, vX.Y.Z-rc.N for staging."""


@command.command("plan")
@click.argument("tag")
@click.option(
    "--branch", metavar="NAME", help="The default branch; without it, that of the remote origin, or main."
)
@click.option(
    "--without-rival",
    metavar="REASON",
    callback=given_reason,
    help="Do not compare with the model in production; says why.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def plan(tag: str, branch: str | None, without_rival: str | None, as_json: bool) -> None:
    """Say whether TAG may be released, and why; exit 1 when it may not.

    Resolves the tag to its commit, the model in its dvc.lock and the one registered version, then checks branch, version
    and interface, and runs the gate against the model that is in production now, on the same held-out rows.
    """
    import json

    from lastro.core.paths import find_root
    from lastro.operations.registry.client import one_line, open_registry
    from lastro.operations.release.plan import make_plan
    from lastro.operations.release.tags import ReleaseTag

    parsed, root = ReleaseTag.parse(tag), find_root()
    with one_line():
        registry = open_registry(root)
        found = make_plan(registry, root, parsed, branch, without_rival)
    if as_json:
        click.echo(json.dumps(found.to_json(registry.name), indent=2))
    else:
        from lastro.cli.console import print_verdict

        version = found.version.number
        click.echo(f"release: {tag} moves {parsed.alias} to {registry.name} version {version}")
        click.echo(f"  commit {found.lineage.commit}\n  model  {found.lineage.model}")
        now = found.production
        click.echo(f"  in production now: {f'{now.release}, version {now.version}' if now else 'nothing'}")
        for reason in found.lineage.unverified:
            click.echo(f"  not verified: {reason.stage}: {reason.what}")
        for rule in found.rules:
            click.echo(f"  {'ok  ' if rule.passed else 'FAIL'} {rule.name}: {rule.detail}")
        print_verdict(found.verdict)
    found.refuse_failed()
