"""docs/commands.md: what `--help` says, on one page; and the targets of make."""

from __future__ import annotations

import re
from pathlib import Path

import click

from lastro.cli.main import cli

ROOT = Path(__file__).parents[2]
INTRODUCTION = """\
---
title: Commands
---
# Commands

<!-- Written by docs/generate.py from the commands and the Makefile; `make docs` refreshes it. -->

`lastro COMMAND --help` says the same. Exit codes of all of them: 0 done, 1 the verdict is no, 2 bad input or
configuration, 3 another system failed: [Errors](errors.md).
"""


def command_page() -> str:
    """The whole page, as Markdown."""
    context = click.Context(cli, info_name="lastro")
    parts = [INTRODUCTION]
    for name in cli.list_commands(context):
        parts += _command(cli.get_command(context, name), click.Context(cli, info_name="lastro"), 2)
    return "\n".join([*parts, _targets()])


def _command(command: click.Command, parent: click.Context, level: int) -> list[str]:
    context = click.Context(command, info_name=command.name, parent=parent)
    parts = [f"{'#' * level} {context.command_path}\n"]
    if isinstance(command, click.Group):
        parts.append(f"{_prose(command.help)}\n")
        for name in command.list_commands(context):
            parts += _command(command.get_command(context, name), context, level + 1)
        return parts
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts.append(f"`{usage}`\n\n{_prose(command.help)}\n")
    # The hyperparameters are options too; they stand in params.md, family by family.
    options = [p for p in command.params if isinstance(p, click.Option)]
    if options:
        rows = [_option(option, context) for option in options]
        parts.append("\n".join(["| option | meaning |", "| --- | --- |", *rows]) + "\n")
    if command.name == "train":
        parts.append("Besides, one option for each hyperparameter of the family: [Parameters](params.md).\n")
    return parts


def _option(option: click.Option, context: click.Context) -> str:
    names, help_text = option.get_help_record(context)
    return f"| `{names}` | {_cell(help_text)} |"


def _prose(text: str | None) -> str:
    paragraphs = (text or "").strip().split("\n\n")
    return "\n\n".join(_cell(" ".join(paragraph.split())) for paragraph in paragraphs)


def _cell(text: str) -> str:
    """Words that Markdown would read as something else are left as they are."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _targets() -> str:
    text = "\n".join((ROOT / name).read_text() for name in ("Makefile", "lastro/package.mk"))
    found = re.findall(r"^([a-z0-9-]+)::?.*## (.*)$", text, re.MULTILINE)
    rows = [f"| `make {name}` | {_cell(what)} |" for name, what in found]
    return "\n".join(["## make\n", "| target | what it does |", "| --- | --- |", *rows]) + "\n"
