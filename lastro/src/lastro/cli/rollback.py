"""`lastro rollback`: production back to an earlier release."""

from __future__ import annotations

import click

from lastro.cli import common


@click.command("rollback")
@click.option(
    "--to",
    metavar="TAG",
    envvar="LASTRO_TO",
    help="The release to return to; without it, the one before the present one.",
)
@common.reason("--reason", required=True, envvar="LASTRO_REASON", help="Why, for the history.")
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
@common.TAKE_OVER
@common.JSON
def command(
    to: str | None,
    reason: str,
    source: str | None,
    attempt: int,
    dry_run: bool,
    take_over: bool,
    as_json: bool,
) -> None:
    """Move the alias production back to a release that was there before."""
    from lastro.operations.github import job
    from lastro.operations.lineage import git
    from lastro.operations.registry.rollback import plan_rollback, roll_back
    from lastro.operations.release.tags import ReleaseTag

    if to:
        to = str(ReleaseTag.parse(to))
    with common.opened_registry() as (registry, root):
        plan = plan_rollback(registry, to or None, source or None, reason if attempt > 1 else None)
        now, target = plan.now, plan.target
        if as_json:
            common.print_json(
                {
                    "from": now and {"release": now.release, "version": now.version, "image": now.image},
                    "to": {
                        "release": target.release,
                        "version": target.version,
                        "image": target.image,
                        "commit": target.commit,
                        "model": target.model,
                    },
                    "skipped": list(plan.skipped),
                    "already": plan.already,
                    "dry_run": dry_run,
                }
            )
        else:
            click.echo(f"from: {f'{now.release}, version {now.version}' if now else 'nothing'}")
            for why in plan.skipped:
                click.echo(f"passed over: {why}")
            click.echo(f"to:   {target.release}, version {target.version}, image {target.image or 'none'}")
        # Done before, it left what the entry says; the job's later steps are told the same in either case.
        left = (now.from_release if plan.already else now.release) if now else None
        job.output(source=left or "", target=target.release, image=target.image or "")
        if plan.already and now:
            job.output(number=str(now.number))
        if dry_run or plan.already:
            click.echo(
                "dry run: nothing was changed" if dry_run else "production is there already", err=as_json
            )
            return
        entry = roll_back(registry, plan, git.who(root), reason, take_over)
        job.output(number=str(entry.number))
    click.echo(f"rolled back: production is {target.release}, version {target.version}", err=as_json)
