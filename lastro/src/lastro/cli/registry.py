"""The registry: register, list, show and retire versions; promote and roll back; the history."""

from __future__ import annotations

from typing import Any

import click

from lastro.cli.common import (
    BRANCH,
    JSON,
    TAKE_OVER,
    WITHOUT_CHAMPION,
    cli,
    image_digest,
    opened_registry,
    print_json,
    print_table,
    reason,
)
from lastro.core.paths import find_root
from lastro.operations.github import job
from lastro.operations.lineage import git


@cli.command("register")
@click.option("--rev", metavar="REV", help="A branch, tag or commit; without it, what is checked out.")
@click.option(
    "--pull-request",
    metavar="NUMBER",
    envvar="LASTRO_PULL_REQUEST",
    help="The pull request that the model comes from; LASTRO_PULL_REQUEST without it.",
)
@JSON
def register(rev: str | None, pull_request: str | None, as_json: bool) -> None:
    """Register the model of a commit, and point the alias test at it.

    The digest in the commit's dvc.lock says which model that is. A run that is missing is recorded first. Run again, or
    many times at once, it leaves one version and says which.
    """
    from lastro.operations.registry import register

    # Before the registry is asked, which takes long where it does not answer.
    found = register.read_registrable(find_root(), rev)
    for item in found.unverified:
        click.echo(f"warning: not verified: {item.stage}: {item.what}", err=True)
    with opened_registry() as (registry, root):
        done = register.register(registry, root, found, rev, pull_request)
    version = done.version
    if as_json:
        told = {"name": registry.name, "version": version.number, "created": done.created}
        print_json({**told, "run": version.run_id, "model": found.model, "commit": found.commit})
        return
    what = "registered" if done.created else "registered already"
    click.echo(f"{what}: {registry.name} version {version.number}, model {found.model}")
    if done.moved:
        click.echo(f"alias test: now at version {version.number}")


@cli.command("versions")
@click.option("--all", "everything", is_flag=True, help="All of them, instead of the newest 20.")
@JSON
def versions(everything: bool, as_json: bool) -> None:
    """List the registered versions, newest first, with their aliases."""
    from lastro.operations.registry.versions import SHOWN, to_json, to_row

    with opened_registry() as (registry, _):
        snapshot = registry.snapshot()
        # One more than is shown, to know whether there are more.
        found = registry.versions(None if everything else SHOWN + 1)
    shown = found if everything else found[:SHOWN]
    if as_json:
        print_json([to_json(version, snapshot) for version in shown])
        return
    if not shown:
        click.echo("nothing is registered yet; lastro register")
        return
    headers = ["version", "aliases", "release", "verdict", "model", "commit", "created (UTC)", "retired"]
    print_table([to_row(version, snapshot) for version in shown], headers)
    if len(found) > len(shown):
        click.echo("older ones: --all")


@cli.command("show")
@click.argument("version", metavar="VERSION|ALIAS|TAG")
@JSON
def show(version: str, as_json: bool) -> None:
    """Show what stands behind a version, an alias or a release tag."""
    from lastro.operations.registry.versions import find_version, to_json

    with opened_registry() as (registry, root):
        found = find_version(registry, root, version)
        content = {"name": registry.name, **to_json(found, registry.snapshot())}
        address = registry.store.address(found.run_id, found.run_id)
    if as_json:
        print_json({**content, "card": found.description})
        return
    for name, value in {**content, "aliases": " ".join(content["aliases"]), "run": address}.items():
        if value not in (None, ""):
            click.echo(f"{name.replace('_', ' '):<13} {value}")
    if found.description:
        click.echo(f"\n{found.description.strip()}")


@cli.command("retire")
@click.argument("version", type=click.IntRange(min=1))
@reason("--reason", "why", required=True, help="Why; kept with the version.")
@click.option("--even-in-production", is_flag=True, help="Also where this leaves production empty.")
def retire(version: int, why: str, even_in_production: bool) -> None:
    """Take VERSION out of every alias, and mark it so that it cannot be promoted again. It is not deleted."""
    from lastro.operations.registry.versions import retire

    with opened_registry() as (registry, _):
        before = registry.get(version)
        aliases = retire(registry, version, why, even_in_production)
    out_of = f", out of {', '.join(aliases)}" if aliases else ""
    already = f" already ({before.retired})" if before is not None and before.retired is not None else ""
    click.echo(f"retired{already}: {registry.name} version {version}{out_of}")


@cli.command("history")
@JSON
def history(as_json: bool) -> None:
    """Show the promotions and rollbacks, newest first."""
    from lastro.operations.registry import history

    with opened_registry() as (registry, _):
        snapshot = registry.snapshot()
        entries = [entry for entry in history.read_entries(snapshot) if entry.state != "claimed"][::-1]
        interrupted = {entry.key for entry in history.unfinished(registry, snapshot)}
    finished = {e.key for e in entries if e.state == "decided" and e.key not in interrupted}
    if as_json:
        print_json([{**entry.to_json(), "finished": entry.key in finished} for entry in entries])
        return
    if not entries:
        click.echo("nothing was promoted yet; lastro promote TAG")
        return
    rows = []
    for entry in entries:
        state = " [abandoned]" if entry.state == "abandoned" else ""
        if not state and entry.key in interrupted:
            state = " [interrupted]"
        before = entry.from_release or (f"version {entry.from_version}" if entry.from_version else "-")
        after, why = f"{entry.release} (version {entry.version})", f"{entry.why or ''}{state}".strip()
        moved = (entry.number, entry.when, entry.who, entry.action, entry.alias, before, after)
        rows.append([*moved, entry.commit[:12], why])
    print_table(rows, ["#", "when (UTC)", "who", "action", "alias", "from", "to", "commit", "why"])


@cli.command("promote")
@click.argument("tag")
@click.option(
    "--image",
    metavar="DIGEST",
    callback=image_digest,
    help="The published image, as sha256:…; kept with version and history.",
)
@reason("--reason", "why", default="release", help="Why, for the history.")
@BRANCH
@WITHOUT_CHAMPION
@TAKE_OVER
def promote(tag: str, why: str, **options: Any) -> None:
    """Move the alias staging (vX.Y.Z-rc.N) or production (vX.Y.Z) to the model of TAG.

    All that `lastro release plan` checks is checked again first. The alias moves last; an interrupted promotion is completed
    by running it again.
    """
    from lastro.operations.release.plan import promote
    from lastro.operations.release.tags import ReleaseTag

    parsed = ReleaseTag.parse(tag)
    with opened_registry() as (registry, root):
        done = promote(registry, root, parsed, who=git.who(root), why=why, **options)
    entry = done.entry
    what = "promoted already" if done.already else "promoted"
    click.echo(f"{what}: {entry.alias} is {entry.release}, {registry.name} version {entry.version}")
    if not done.already and entry.from_version:
        click.echo(f"before: {entry.from_release or 'no release'}, version {entry.from_version}")


@cli.command("rollback")
@click.option(
    "--to",
    metavar="TAG",
    envvar="LASTRO_TO",
    help="The release to return to; without it, the one before the present one.",
)
@reason("--reason", "why", required=True, envvar="LASTRO_REASON", help="Why, for the history.")
@click.option(
    "--from",
    "source",
    metavar="TAG",
    envvar="LASTRO_SOURCE",
    help="The release that this was planned from; refused where another one is in production by now.",
)
@click.option(
    "--attempt",
    type=int,
    default=1,
    envvar="GITHUB_RUN_ATTEMPT",
    help="From the second on and without --to, a rollback for the same reason is this one, done before.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan, and change nothing.")
@TAKE_OVER
@JSON
def rollback(
    to: str | None, why: str, source: str | None, attempt: int, dry_run: bool, take_over: bool, as_json: bool
) -> None:
    """Move the alias production back to a release that was there before."""
    from lastro.operations.registry.promotion import plan_rollback, roll_back
    from lastro.operations.release.tags import ReleaseTag

    if to:
        to = str(ReleaseTag.parse(to))
    with opened_registry() as (registry, root):
        plan = plan_rollback(registry, to or None, source or None, why if attempt > 1 else None)
        now, target = plan.now, plan.target
        if as_json:
            keys = ("release", "version", "image", "commit", "model")
            moves = {
                "from": now and {key: getattr(now, key) for key in keys[:3]},
                "to": {key: getattr(target, key) for key in keys},
            }
            told = {"skipped": list(plan.skipped), "already": plan.already, "dry_run": dry_run}
            print_json({**moves, **told})
        else:
            click.echo(f"from: {f'{now.release}, version {now.version}' if now else 'nothing'}")
            for skipped in plan.skipped:
                click.echo(f"passed over: {skipped}")
            click.echo(f"to:   {target.release}, version {target.version}, image {target.image or 'none'}")
        # Done before, it left what the entry says; the job's later steps are told the same in either case.
        left = (now.from_release if plan.already else now.release) if now else None
        job.output(source=left or "", target=target.release, image=target.image or "")
        if plan.already and now:
            job.output(number=str(now.number))
        if dry_run or plan.already:
            what = "dry run: nothing was changed" if dry_run else "production is there already"
            click.echo(what, err=as_json)
            return
        entry = roll_back(registry, plan, git.who(root), why, take_over)
        job.output(number=str(entry.number))
    click.echo(f"rolled back: production is {target.release}, version {target.version}", err=as_json)
