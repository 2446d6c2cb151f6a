"""What a release is checked by, traced by and told by: plan, trace, notes; the reports on a change and on drift."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lastro.cli.common import (
    BRANCH,
    JSON,
    JSON_FILE,
    SUMMARY,
    WITHOUT_CHAMPION,
    cli,
    opened_registry,
    print_json,
    print_rules,
    print_verdict,
    write_findings,
)
from lastro.core.errors import LastroError
from lastro.core.paths import find_root
from lastro.operations.github import job
from lastro.operations.lineage import git


@cli.group("release")
def release() -> None:
    """Check release tags: vX.Y.Z for production, vX.Y.Z-rc.N for staging."""


@release.command("plan")
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


@cli.command("notes")
@click.argument("tag")
@click.option(
    "--repository",
    required=True,
    envvar="LASTRO_REPOSITORY",
    metavar="REPOSITORY",
    help="Where the image is: registry/owner/name.",
)
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default=Path("dist"), show_default=True
)
def notes(tag: str, repository: str, output: Path) -> None:
    """Write what the release TAG shows: notes.md, model_card.md, metrics.json and trace.json. TAG is promoted already."""
    from lastro.operations.release.tags import ReleaseTag
    from lastro.operations.report.notes import write_notes

    parsed = ReleaseTag.parse(tag)
    with opened_registry() as (registry, root):
        write_notes(registry, root, parsed, repository, output)
    click.echo(f"written: {output}")


@cli.command("trace")
@click.argument("what", metavar="[WHAT]", default="HEAD")
@JSON
def trace(what: str, as_json: bool) -> None:
    """Show the chain that WHAT belongs to: commit, data, parameters, run, metrics, verdict, version, release, image.

    WHAT is a version number, an alias, a release tag, a run id, a branch or commit (without it HEAD), a model file, or an
    image. Exit code 1 where the chain is broken.
    """
    from lastro.operations.release.trace import find_start, follow

    with opened_registry() as (registry, root):
        chain = follow(registry, root, find_start(registry, root, what))
    if as_json:
        print_json(chain.to_json())
    else:
        click.echo(chain.to_text())
    sys.exit(1 if chain.broken else 0)


@cli.command("report")
@click.option(
    "--base", metavar="REV", help="Compare with the model at the merge base with REV (origin/main)."
)
@JSON_FILE
@SUMMARY
def report(base: str | None, json_file: Path | None, summary: bool) -> None:
    """Report on the model of the working tree, as Markdown: params, metrics, verdict, charts.

    Compares it with the base revision's model, and with the one in production where MLFLOW_TRACKING_URI is set or the
    clone's own store has one. It says what is missing; that is no error. Exit 0 whatever the verdict: `lastro check` obeys it.
    """
    from lastro.operations.report.build import build
    from lastro.operations.report.content import Failure
    from lastro.operations.report.pull_request import render, render_failure
    from lastro.operations.tracking.address import configured

    root = find_root()
    # A job's embedded store is new and empty: asking it would only take time.
    production = bool(configured()) or (root / "mlflow.db").is_file()
    try:
        found = build(root, base and git.merge_base(root, base), production, base)
    except LastroError as error:
        failure = Failure(error=str(error)[:2000])
        write_findings(failure, render_failure(failure), json_file, summary)
        raise
    text = render(found)
    write_findings(found, text, json_file, summary)
    job.output(lock=found.lock)
    click.echo(text)


@cli.command("drift")
@JSON_FILE
@SUMMARY
def drift(json_file: Path | None, summary: bool) -> None:
    """Score the model in production on the rows that the source has gained, and compare with its training and its release.

    Exit 0 whatever is found; `drifted=true` or `false` goes to GITHUB_OUTPUT. The limits are params.yaml's: drift.
    """
    from lastro.operations.report.drift import render, watch

    with opened_registry() as (registry, root):
        found = watch(registry, root)
    text = render(found)
    write_findings(found, text, json_file, summary)
    job.output(drifted="true" if found.drifted else "false")
    click.echo(text)
