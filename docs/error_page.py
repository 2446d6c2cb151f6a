"""docs/errors.md: every message that Lastro can end with, read from the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src" / "lastro"
EXIT_CODES = {"VerdictError": 1, "LastroError": 2, "ExternalError": 3}
AREAS = {
    "params.yaml": ("params", "yaml12.py"),
    "The table and its schema": ("data", "adopt.py"),
    "Model families": ("models",),
    "Stages, evaluation and the gate": ("stages", "evaluation", "metric_names.py", "paths.py", "files.py"),
    "Git, DVC and dvc.lock": (
        "lineage",
        "dvc_command.py",
        "merge.py",
        "repro.py",
        "reproduce.py",
        "project.py",
    ),
    "Tracking": ("tracking",),
    "Registry": ("registry",),
    "Release and image": ("release",),
    "Trace, doctor, report": ("trace", "doctor", "reporting"),
    "Commands": ("cli",),
    "GitHub": ("github", "github.py"),
    "Drift": ("drift", "drift.py"),
}
INTRODUCTION = """\
---
title: Errors
---
# Errors

<!-- Written by docs/generate.py from src/lastro/; `make docs` refreshes it. -->

A mistake of yours is one line, `error: what, where; how to mend it`, and an exit code:

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | the verdict is no: the model, the release or the image does not pass, or a chain is broken |
| 2 | bad input or configuration; nothing was changed |
| 3 | another system failed: tracking server, DVC remote, Git, Docker; run it again when that works |

A traceback is a defect of Lastro's: report it. Below stands every message, `…` for what it names in your case; the search of
this site finds one by its words.
"""
REFUSALS = """\
## Answers of the scoring app

A refused request is answered with `error_code`, `message` and, where they apply, `row` and `column`: [The image](image.md).

| status | `error_code` | when |
| ---: | --- | --- |
"""


def error_page() -> str:
    """The whole page, as Markdown."""
    found = {path: sorted(set(_messages(path))) for path in sorted(SOURCES.rglob("*.py"))}
    parts, told = [INTRODUCTION], set()
    for area, places in AREAS.items():
        rows = []
        for path, messages in found.items():
            name = path.relative_to(SOURCES).as_posix()
            if name.split("/")[0] in places:
                told.add(path)
                rows += [f"| `{message}` | {code} |" for message, code in messages]
        if rows:
            parts.append(
                f"## {area}\n\n| message | exit code |\n| --- | ---: |\n" + "\n".join(sorted(rows)) + "\n"
            )
    left = [path.name for path, messages in found.items() if messages and path not in told]
    if left:
        raise SystemExit(f"error: docs/error_page.py: AREAS names no place for {', '.join(left)}")
    return "\n".join([*parts, REFUSALS + "\n".join(_refusals()) + "\n"])


def _messages(path: Path) -> Iterator[tuple[str, int]]:
    for name, call in _calls(path):
        if name in EXIT_CODES and call.args:
            text = _text(call.args[0])
            if text.strip("… "):
                yield text, EXIT_CODES[name]


def _refusals() -> list[str]:
    found: dict[tuple[int, str], list[str]] = {}
    for path in sorted((SOURCES / "scoring" / "app").glob("*.py")):
        for name, call in _calls(path):
            values = [_text(argument) for argument in call.args]
            if name == "RefusedError" and len(values) >= 3 and values[0].isdigit():
                status, kind, message = values[:3]
            elif name == "bad" and len(values) >= 2:
                status, (kind, message) = "400", values[:2]
            else:
                continue
            if "…" not in kind:
                found.setdefault((int(status), kind), []).append(message)
    return [
        f"| {status} | `{kind.upper()}` | {_told(messages)} |"
        for (status, kind), messages in sorted(found.items())
    ]


def _told(messages: list[str]) -> str:
    fixed = [f"`{message}`" for message in dict.fromkeys(messages) if message != "…"]
    return "; ".join(fixed) or "`message` says what is wrong"


def _calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node


def _text(node: ast.expr) -> str:
    """The message with `…` for what is only known when it is raised."""
    if isinstance(node, ast.Constant):
        text = str(node.value)
    elif isinstance(node, ast.JoinedStr):
        text = "".join(_text(value) for value in node.values)
    elif isinstance(node, ast.BinOp):
        text = _text(node.left) + _text(node.right)
    else:
        text = "…"
    return " ".join(text.replace("`", "'").replace("|", "/").split(" ")).replace("……", "…")
