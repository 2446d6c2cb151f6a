"""`lastro notes`: the files of a release."""

from __future__ import annotations

from pathlib import Path

import click


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
    from lastro.core.paths import find_root
    from lastro.operations.registry.client import one_line, open_registry
    from lastro.operations.release.tags import ReleaseTag
    from lastro.operations.report.notes import write_notes

    parsed, root = ReleaseTag.parse(tag), find_root()
    with one_line():
        write_notes(open_registry(root), root, parsed, repository, output)
    click.echo(f"written: {output}")
