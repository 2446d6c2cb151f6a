"""Write docs/tags.md: tags of Git, MLflow and the image, and environment variables, checked against the code."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import click

from lastro.cli.main import cli
from lastro.operations.registry import names

SOURCES = Path(__file__).parents[1] / "src" / "lastro"
INTRODUCTION = f"""\
---
title: Tags
---
# Tags, aliases, variables

<!-- Written by docs/generate.py, which refuses a name that the code has and this page lacks; `make docs` refreshes it. -->

## Tags in Git

| tag | what it is |
| --- | --- |
| `vX.Y.Z` | a release: moves the alias `{names.PRODUCTION}` |
| `vX.Y.Z-rc.N` | a release candidate: moves the alias `{names.STAGING}` |

Numbers and order are those of [Semantic Versioning 2.0.0](https://semver.org/spec/v2.0.0.html), without leading zeros.
A release comes after every other release, a candidate after every release and after the other candidates of its own.
Nothing else is a release tag. The number tells clients what changed: other answers, or an input that goes, changes or is
newly required, need a major; a new optional input, or one that is no longer required, a minor; all else a patch.
`lastro release plan` holds you to it.

## Aliases in the registry

| alias | the version that |
| --- | --- |
| `{names.TEST}` | the newest merge registered |
| `{names.STAGING}` | the last release candidate promoted |
| `{names.PRODUCTION}` | the last release promoted, or rolled back to |
| `{names.PREVIOUS}` | `{names.PRODUCTION}` pointed at before |
"""
RUN, VERSION, MODEL, IMAGE = "run", "version", "registered model", "image"
TAGS = {
    "lastro.model": ("MD5 of the model file, as in `dvc.lock`: the key", (RUN, VERSION, IMAGE)),
    "lastro.data": ("digest of the prepared data", (RUN, VERSION, IMAGE)),
    "lastro.params": ("digest of the parameters that made the model", (RUN, VERSION, IMAGE)),
    "lastro.commit": ("the commit", (RUN, VERSION)),
    "lastro.dirty": ("whether tracked files differed from the commit when the run was recorded", (RUN,)),
    "lastro.family": ("the model family", (RUN,)),
    "lastro.task": ("`classification` or `regression`", (RUN,)),
    "lastro.trial": (
        "whether `lastro train` made it; a trial is not registered until the pipeline makes the same model",
        (RUN,),
    ),
    "lastro.autolog": ("whether MLflow's own logging began the run (`tracking.mode: autolog`)", (RUN,)),
    "lastro.trained": ("set last: the training is recorded whole", (RUN,)),
    "lastro.evaluated": ("set last: digest of the evaluation that is recorded whole", (RUN,)),
    "lastro.verdict": ("`pass` or `fail`", (RUN, VERSION)),
    "lastro.pull_request": ("the pull request that the model comes from", (VERSION,)),
    "lastro.release": ("the release that it was promoted as last", (VERSION, IMAGE)),
    "lastro.image": ("digest of the published image", (VERSION,)),
    "lastro.retired": ("why it must not be promoted again; retired if the tag is present", (VERSION,)),
    "lastro.version": ("number of the registered version", (IMAGE,)),
    "lastro.test_commit": (
        "the commit that the alias `test` was moved for; after a revert it is not the version's",
        (MODEL,),
    ),
    "lastro.history.": ("one entry of the promotion history each; `lastro history` shows them", (MODEL,)),
}
VARIABLES = {
    "LASTRO_TRACKING": "`off`: the stages record nothing in MLflow; `lastro sync` does it later",
    "LASTRO_PORT": "and the image's other settings: [The image](image.md#settings)",
}
OTHERS = """\
| `MLFLOW_TRACKING_URI` | the tracking server; without it the embedded store, `mlflow.db` in the clone |
| `MLFLOW_TRACKING_USERNAME`, `MLFLOW_TRACKING_PASSWORD`, `MLFLOW_TRACKING_TOKEN` | MLflow's own, for a server that asks |
| `DVC_NO_ANALYTICS`, `MLFLOW_DISABLE_TELEMETRY` | `make` sets both: no usage is reported |
"""


def tag_page() -> str:
    """Return the whole page as Markdown."""
    _refuse_missing("docs/tag_page.py: TAGS", _tags_in_code(), TAGS)
    options = _options()
    _refuse_missing("docs/tag_page.py: VARIABLES", _variables_in_code(), VARIABLES | options)
    rows = [
        f"| `{name}{'…' if name.endswith('.') else ''}` | {what} | {', '.join(at)} |"
        for name, (what, at) in TAGS.items()
    ]
    head = "## Tags in MLflow, labels of the image\n\n| tag | what it says | on |\n| --- | --- | --- |\n"
    labels = "\nThe image also has the OCI's `org.opencontainers.image.title`, `.revision`, `.created` and `.version`.\n"
    known = VARIABLES | {name: f"for {', '.join(places)}" for name, places in options.items()}
    variables = "\n".join(f"| `{name}` | {what} |" for name, what in known.items())
    return "\n".join(
        [
            INTRODUCTION,
            head + "\n".join(rows) + "\n" + labels,
            f"## Environment variables\n\n| variable | meaning |\n| --- | --- |\n{variables}\n{OTHERS}",
        ]
    )


def _options() -> dict[str, list[str]]:
    """Return the variables that set an option, with the options that each sets."""
    found: dict[str, list[str]] = {}

    def walk(command: click.Command, path: str) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                walk(command.get_command(context, name), f"{path} {name}")
        for option in command.params:
            if isinstance(option.envvar, str):
                found.setdefault(option.envvar, []).append(f"`{path} {option.opts[0]}`")

    walk(cli, "lastro")
    return dict(sorted(found.items()))


def _constants() -> set[str]:
    found = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def _tags_in_code() -> set[str]:
    named = {text for text in _constants() if re.fullmatch(r"lastro\.[a-z_]+\.?", text)}
    # A tag that is also a module's name is in TAGS without a check.
    return {text for text in named if importlib.util.find_spec(text.rstrip(".")) is None}


def _variables_in_code() -> set[str]:
    return {text for text in _constants() if re.fullmatch(r"LASTRO_[A-Z_]+", text)}


def _refuse_missing(where: str, found: set[str], told: dict) -> None:
    if found - set(told):
        raise SystemExit(f"error: {where} does not tell what {', '.join(sorted(found - set(told)))} means")
