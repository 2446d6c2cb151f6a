""".dvcignore: which files of a folder DVC does not count."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

# DVC matches with this class of this library too, so both agree on every pattern.
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

FILE = ".dvcignore"
_ALWAYS = [".hg/", ".git/", ".git", ".dvc/"]


class _Rule(NamedTuple):
    regex: re.Pattern[str]
    ignores: bool
    only_folders: bool


class Ignore:
    """The .dvcignore files of a source; `read` gives a file's bytes by its path, or None."""

    def __init__(self, read: Callable[[str], bytes | None]):
        self._read = read
        self._rules: dict[str, list[_Rule]] = {}
        self._known: dict[tuple[str, bool], bool] = {}

    def ignores(self, path: str, is_folder: bool = False) -> bool:
        """Whether DVC leaves out `path`, relative to the repository, itself or with a folder above it."""
        key = path, is_folder
        if key not in self._known:
            above, _, _ = path.rpartition("/")
            self._known[key] = bool(above and self.ignores(above, True)) or self._matches(path, is_folder)
        return self._known[key]

    def _matches(self, path: str, is_folder: bool) -> bool:
        base = path
        while base:
            base, _, _ = base.rpartition("/")
            relative = path[len(base) :].lstrip("/")
            for rule in reversed(self._of(base)):
                if rule.only_folders and not is_folder:
                    continue
                if rule.regex.match(relative) or (is_folder and rule.regex.match(f"{relative}/")):
                    return rule.ignores
        return False

    def _of(self, folder: str) -> list[_Rule]:
        if folder not in self._rules:
            content = self._read(f"{folder}/{FILE}" if folder else FILE) or b""
            patterns = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
            patterns = [pattern for pattern in patterns if pattern and not pattern.startswith("#")]
            rules = []
            for pattern in patterns if folder else _ALWAYS + patterns:
                regex, ignores = GitIgnoreSpecPattern.pattern_to_regex(pattern)
                if regex is not None and ignores is not None:
                    rules.append(_Rule(re.compile(regex), ignores, pattern.endswith("/")))
            self._rules[folder] = rules
        return self._rules[folder]
