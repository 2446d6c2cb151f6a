"""Pushes that rules refuse: a pre-receive hook. Git runs this file; the server passes the rules by the environment."""

from __future__ import annotations

import fnmatch
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

ZERO = "0" * 40


def install(bare: Path) -> None:
    """Make this file the repository's pre-receive hook."""
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{Path(__file__).resolve()}"\n')
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)


def broken(rule: str, old: str, new: str) -> bool:
    """Whether an update of one ref breaks a rule of the ruleset that covers it."""
    if rule == "creation":
        return old == ZERO
    if rule == "deletion":
        return new == ZERO
    if rule == "update":
        return ZERO not in (old, new)
    if rule == "non_fast_forward":
        ancestor = ["git", "merge-base", "--is-ancestor", old, new]
        return ZERO not in (old, new) and subprocess.run(ancestor, capture_output=True).returncode != 0
    return rule in ("pull_request", "required_status_checks") and new != ZERO


def covers(ruleset: dict, ref: str) -> bool:
    """Whether a ruleset's conditions name the ref."""
    names = ruleset["conditions"]["ref_name"]
    return any(fnmatch.fnmatch(ref, p) for p in names["include"]) and not any(
        fnmatch.fnmatch(ref, p) for p in names["exclude"]
    )


def main() -> int:
    refused = False
    for line in sys.stdin.read().splitlines():
        old, new, ref = line.split()
        for ruleset in json.loads(os.environ.get("GITHUB_PUSH_RULES", "[]")):
            rules = [rule["type"] for rule in ruleset["rules"] if broken(rule["type"], old, new)]
            if rules and covers(ruleset, ref):
                print(
                    f"error: GH013: Repository rule violations found for {ref}: {', '.join(rules)}",
                    file=sys.stderr,
                )
                refused = True
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
