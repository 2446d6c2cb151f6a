"""Workflow files as GitHub's own parser and expressions see them, and which events start them.

workflow = parse(".github/workflows/ci.yml", text)     # raises ValueError with what the parser says
workflow.jobs["test"]["permissions"], workflow.on, workflow.workflow["concurrency"], ...
workflow.starts("push", ref="refs/tags/v1.0.0")        # filters of branches, tags, paths, types
evaluate("github.ref == 'x' && success()", {"github": {...}}, status="success")
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.github.npm import node_modules

HERE = Path(__file__).parent
STATUS_FUNCTION = re.compile(r"\b(success|failure|always|cancelled)\s*\(")
DEFAULT_TYPES = {"pull_request": ["opened", "synchronize", "reopened"], "merge_group": ["checks_requested"]}


@lru_cache
def _node() -> subprocess.Popen[str]:
    """One Node for all questions of this process; it ends with its stdin."""
    options = ["--no-warnings", "--import", str(HERE / "json_modules.mjs")]
    command = ["node", *options, str(HERE / "workflow.mjs"), str(node_modules())]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


@lru_cache(maxsize=4096)
def _ask(question: str) -> dict[str, Any]:
    node = _node()
    assert node.stdin
    assert node.stdout
    node.stdin.write(question + "\n")
    return json.loads(node.stdout.readline())


def evaluate(text: str, contexts: dict[str, Any], status: str = "success") -> Any:
    """The value of an expression, without its `${{ }}`. Raises ValueError."""
    answer = _ask(json.dumps({"evaluate": text, "contexts": contexts, "status": status}))
    if "error" in answer:
        raise ValueError(f"{text}: {answer['error']}")
    return answer["value"]


def condition(text: Any, contexts: dict[str, Any], status: str) -> bool:
    """Whether an `if` holds; without a status function it holds only after success."""
    if text is None:
        return status == "success"
    if isinstance(text, bool):
        text = str(text).lower()
    inner = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", str(text), flags=re.S)
    if not STATUS_FUNCTION.search(inner):
        inner = f"success() && ({inner})"
    return evaluate(inner, contexts, status) not in (None, False, 0, "")


def interpolate(text: Any, contexts: dict[str, Any]) -> Any:
    """A value of a workflow file with its `${{ }}` evaluated."""
    if not isinstance(text, str):
        return text
    whole = re.fullmatch(r"\$\{\{((?:(?!\$\{\{).)*)\}\}", text.strip(), flags=re.S)
    if whole:
        return evaluate(whole[1], contexts)
    return re.sub(r"\$\{\{(.*?)\}\}", lambda m: str(evaluate(m[1], contexts)), text, flags=re.S)


@dataclass(frozen=True)
class Workflow:
    path: str
    workflow: dict[str, Any]
    events: dict[str, Any]

    @property
    def name(self) -> str:
        return self.workflow.get("name") or self.path

    @property
    def on(self) -> dict[str, Any]:
        """The events with their filters."""
        return self.events

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        return self.workflow["jobs"]

    def starts(
        self,
        event: str,
        *,
        ref: str = "",
        action: str | None = None,
        paths: Iterable[str] = (),
        name: str = "",
    ) -> bool:
        """Whether an event starts the workflow.

        ref: the full ref pushed, or the base branch of a pull request, merge group or the branch of a workflow_run.
        name: the workflow of a workflow_run, the file of a workflow_dispatch, the cron line of a schedule.
        """
        if event not in self.events:
            return False
        filters = self.events[event] or {}
        if event == "workflow_dispatch":
            return name in (self.path, Path(self.path).name)
        if event == "schedule":
            return any(entry["cron"] == name for entry in filters)
        if event == "workflow_run" and name not in filters.get("workflows", ()):
            return False
        types = filters.get("types") or DEFAULT_TYPES.get(event)
        if types and action not in types:
            return False
        return _ref_passes(filters, ref, event) and _paths_pass(filters, list(paths))


@lru_cache(maxsize=256)
def parse(path: str, text: str) -> Workflow:
    """Raises ValueError with every error that GitHub's parser finds."""
    answer = _ask(json.dumps({"parse": path, "content": text}))
    if answer.get("errors"):
        raise ValueError("; ".join(answer["errors"]))
    return Workflow(path, answer["workflow"], answer["events"])


def _ref_passes(filters: dict[str, Any], ref: str, event: str) -> bool:
    kind = "tags" if ref.startswith("refs/tags/") else "branches"
    other = "branches" if kind == "tags" else "tags"
    name = re.sub(r"^refs/(heads|tags)/", "", ref)
    if kind in filters:
        return matches(filters[kind], name)
    if f"{kind}-ignore" in filters:
        return not matches(filters[f"{kind}-ignore"], name)
    # A push filter on tags alone leaves branches out, and the other way round.
    return not (event == "push" and (other in filters or f"{other}-ignore" in filters))


def _paths_pass(filters: dict[str, Any], paths: list[str]) -> bool:
    if "paths" in filters:
        return any(matches(filters["paths"], path) for path in paths)
    if "paths-ignore" in filters:
        return any(not matches(filters["paths-ignore"], path) for path in paths)
    return True


def matches(patterns: list[str], name: str) -> bool:
    """GitHub's filter patterns: the last one that matches decides, `!` takes out."""
    taken = False
    for pattern in patterns:
        if re.fullmatch(_regex(pattern.removeprefix("!")), name):
            taken = not pattern.startswith("!")
    return taken


def _regex(pattern: str) -> str:
    tokens = re.findall(r"\*\*|\*|\[[^\]]*\]|\?|\+|\\.|.", pattern)
    special = {"**": ".*", "*": "[^/]*", "?": "?", "+": "+"}
    return "".join(special.get(t) or (t if t[0] in "[\\" else re.escape(t)) for t in tokens)
