"""Issues and pull requests; a pull request's head, merge commit and state come from Git."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.github.server.git import Bare

if TYPE_CHECKING:
    from tests.github.server.repository import Repository


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Issue:
    repository: Repository
    number: int
    title: str
    body: str
    author: str
    open: bool = True
    labels: list[str] = field(default_factory=list)
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    closed: str | None = None

    @property
    def comments(self) -> list[dict[str, Any]]:
        """Its comments: id, body, author, created, updated."""
        return [c for c in self.repository.comments if c["issue"] == self.number]

    def set_state(self, state: str) -> None:
        self.open = state == "open"
        self.closed = None if self.open else now()


@dataclass
class Pull(Issue):
    head_repository: Repository = None  # type: ignore[assignment]
    branch: str = ""
    base: str = "main"
    draft: bool = False
    head: str = ""
    merged: str | None = None
    merged_by: str | None = None
    maintainer_can_modify: bool = True
    _merge_of: tuple[str, str] = ("", "")
    # GitHub works mergeability out in the background: the first answer after a change is null.
    _asked: tuple[str, str] = ("", "")

    @property
    def _git(self) -> Bare:
        return self.repository.git

    @property
    def base_sha(self) -> str:
        return self._git.sha(f"refs/heads/{self.base}") or ""

    def refresh(self) -> bool:
        """Follow the branch: refs/pull/N/head and /merge. True where the head has moved, or been merged by a push."""
        head = self.head_repository.git.sha(f"refs/heads/{self.branch}")
        if head is None:
            return False
        moved, self.head = head != self.head, head
        self._git.fetch(self.head_repository.git, head)
        if moved:
            self.updated = now()
            self._git.update(f"refs/pull/{self.number}/head", head)
        elif self._merge_of[0] != self.base_sha and self._git.is_ancestor(head, self.base_sha):
            self.close(merged=self.base_sha, by=self.author)
            return True
        if self._merge_of != (self.base_sha, head):
            self._merge_of = (self.base_sha, head)
            tree = self._git.merge_tree(self.base_sha, head)
            message = f"Merge {head} into {self.base_sha}"
            sha = self._git.commit([self.base_sha, head], tree, message, "GitHub") if tree else None
            self._git.update(f"refs/pull/{self.number}/merge", sha)
        return moved

    @property
    def conflicts(self) -> bool:
        return self._git.sha(f"refs/pull/{self.number}/merge") is None

    def mergeable(self) -> bool | None:
        """As an answer of the API has it: null when asked for the first time after a change."""
        if not self.open:
            return None
        if self._asked != self._merge_of:
            self._asked = self._merge_of
            return None
        return not self.conflicts

    def close(self, merged: str | None = None, by: str | None = None) -> None:
        self.merged, self.merged_by = merged, by if merged else None
        self.set_state("closed")
