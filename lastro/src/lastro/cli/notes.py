"""`lastro notes`: the files of a release."""

from __future__ import annotations

from pathlib import Path

import click

from lastro.cli.common import opened_registry


@click.command("notes")
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
def command(tag: str, repository: str, output: Path) -> None:
    """Write what the release TAG shows: notes.md, model_card.md, metrics.json and trace.json. TAG is promoted already."""
    from lastro.operations.release.tags import ReleaseTag
    from lastro.operations.report.notes import write_notes

    parsed = ReleaseTag.parse(tag)
    with opened_registry() as (registry, root):
        write_notes(registry, root, parsed, repository, output)
    click.echo(f"written: {output}")
