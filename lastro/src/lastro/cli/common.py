"""The group of all commands, and what several of them share: options, the open registry, JSON and tables."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lastro.core.errors import LastroError
from lastro.core.paths import find_root
from lastro.operations.github import job

if TYPE_CHECKING:
    from pydantic import BaseModel

    from lastro.evaluation.gate import Rule, Verdict
    from lastro.operations.registry.client import Registry


class Group(click.Group):
    """Shows the whole first line of each command's help, on several lines where it has to."""

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        lines = [(name, str(found.help).partition("\n")[0]) for name, found in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl(lines)


Group.group_class = Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lastro")
def cli() -> None:
    """Lastro: a model repository whose only interface is Git.

    Exit codes: 0 done, 1 the verdict is no, 2 bad input or configuration, 3 another system failed.
    """


def _one_line(_ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    # Without line breaks, since tables and messages show it.
    line = None if value is None else " ".join(value.split())
    if line == "":
        raise LastroError("is empty", where=option.opts[0], fix="say why")
    return line


def image_digest(_ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Refuse what is no digest of an image; a callback of click."""
    if value is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        problem = "expected a digest, sha256: and 64 hexadecimal digits"
        raise LastroError(problem, where=f"{option.opts[0]} {value!r}")
    return value


def reason(*names: str, **options: Any) -> Callable:
    """Make an option that takes a reason."""
    return click.option(*names, callback=_one_line, **options)


JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
JSON_FILE = click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write it as JSON."
)
SUMMARY = click.option("--summary", is_flag=True, help="Also write it to GITHUB_STEP_SUMMARY.")
BRANCH = click.option(
    "--branch", metavar="NAME", help="The default branch; without it, that of the remote origin, or main."
)
WITHOUT_CHAMPION = reason(
    "--without-champion", metavar="REASON", help="Do not compare with the model in production; says why."
)
TAKE_OVER = click.option(
    "--take-over", is_flag=True, help="Give up an interrupted promotion that nobody works on any more."
)


@contextmanager
def opened_registry() -> Iterator[tuple[Registry, Path]]:
    """Open the registry of this repository; yield it and the repository's root."""
    from lastro.operations.registry import client

    root = find_root()
    with client.one_line():
        yield client.open_registry(root), root


def write_findings(content: BaseModel, text: str, json_file: Path | None, summary: bool) -> None:
    """Write findings as JSON to a file, and as Markdown to the summary of the job, where each is wanted."""
    if json_file:
        json_file.write_text(content.model_dump_json(indent=1), encoding="utf-8")
    if summary:
        job.summary(text)


def print_json(content: Any) -> None:
    """Print JSON for programs."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def print_table(rows: Iterable[Sequence[object]], headers: Sequence[str] = (), **options: Any) -> None:
    """Print rows as a table whose cells stay as they are."""
    from tabulate import tabulate

    click.echo(tabulate(rows, headers, disable_numparse=True, **options))


def print_verdict(verdict: Verdict) -> None:
    """Print the verdict, and each rule with its numbers."""
    click.echo(f"verdict: {'pass' if verdict.passed else 'FAIL'}")
    print_rules(verdict.rules)


def print_rules(rules: Iterable[Rule]) -> None:
    """Print one line for each rule."""
    for rule in rules:
        click.echo(f"  {'ok  ' if rule.passed else 'FAIL'} {rule.name}: {rule.detail}")
