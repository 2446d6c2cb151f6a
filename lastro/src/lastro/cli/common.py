"""What several commands share: options, the open registry, JSON and tables on standard output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pydantic import BaseModel

    from lastro.operations.registry.client import Registry


def one_line(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return a reason without its line breaks, since tables and messages show it; a callback of click.

    Raises:
        LastroError: the reason is empty.
    """
    from lastro.core.errors import LastroError

    line = None if value is None else " ".join(value.split())
    if line == "":
        raise LastroError("is empty", where=option.opts[0], fix="say why")
    return line


def image_digest(_ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Refuse what is no digest of an image; a callback of click.

    Raises:
        LastroError: it is none.
    """
    from lastro.core.errors import LastroError
    from lastro.operations.release.promote import is_image

    if value is not None and not is_image(value):
        raise LastroError(
            "expected a digest, sha256: and 64 hexadecimal digits", where=f"{option.opts[0]} {value!r}"
        )
    return value


def reason(name: str, **options: Any) -> Callable:
    """Make an option that takes a reason."""
    return click.option(name, callback=one_line, **options)


JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
JSON_FILE = click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write it as JSON."
)
SUMMARY = click.option("--summary", is_flag=True, help="Also write it to GITHUB_STEP_SUMMARY.")
BRANCH = click.option(
    "--branch", metavar="NAME", help="The default branch; without it, that of the remote origin, or main."
)
WITHOUT_CHAMPION = reason(
    "--without-champion",
    metavar="REASON",
    help="Do not compare with the model in production; says why.",
)
TAKE_OVER = click.option(
    "--take-over", is_flag=True, help="Give up an interrupted promotion that nobody works on any more."
)


@contextmanager
def opened_registry() -> Iterator[tuple[Registry, Path]]:
    """Open the registry of this repository; yield it and the repository's root.

    Raises:
        ExternalError: the tracking server failed, in the block or before it.
    """
    from lastro.core.paths import find_root
    from lastro.operations.registry import client

    root = find_root()
    with client.one_line():
        yield client.open_registry(root), root


def write_findings(content: BaseModel, text: str, json_file: Path | None, summary: bool) -> None:
    """Write findings as JSON to a file, and as Markdown to the summary of the job, where each is wanted."""
    from lastro.operations.github import job

    if json_file:
        json_file.write_text(content.model_dump_json(indent=1), encoding="utf-8")
    if summary:
        job.summary(text)


def print_json(content: Any) -> None:
    """Print JSON for programs."""
    import json

    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def print_table(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> None:
    """Print rows as a table whose cells stay as they are."""
    from tabulate import tabulate

    click.echo(tabulate(rows, headers, disable_numparse=True))
