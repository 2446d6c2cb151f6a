"""A bare Git repository: what the server knows about branches, tags, commits and merges comes from here."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.github.server import push_rules

ZERO = "0" * 40


class Bare:
    """A bare repository with main as its default branch, created if the folder is new."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.exists():
            subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
            for name, value in {
                "http.receivepack": "true",
                "uploadpack.allowAnySHA1InWant": "true",
                "receive.hideRefs": "refs/pull",
                "gc.auto": "0",
            }.items():
                self.run("config", name, value)
            push_rules.install(folder)

    def run(self, *arguments: str, stdin: str | bytes = b"", author: str = "", index: str = "") -> str:
        """The output of a Git command; raises subprocess.CalledProcessError."""
        env = dict(os.environ)
        if author:
            for role in ("AUTHOR", "COMMITTER"):
                env |= {f"GIT_{role}_NAME": author, f"GIT_{role}_EMAIL": f"{author}@users.example.com"}
        if index:
            env["GIT_INDEX_FILE"] = index
        data = stdin.encode() if isinstance(stdin, str) else stdin
        command = ["git", f"--git-dir={self.folder}", *arguments]
        return (
            subprocess.run(command, check=True, capture_output=True, input=data, env=env)
            .stdout.decode()
            .strip()
        )

    def _says(self, *arguments: str) -> bool:
        command = ["git", f"--git-dir={self.folder}", *arguments]
        return subprocess.run(command, capture_output=True).returncode == 0

    def refs(self) -> dict[str, str]:
        """Every ref with the object it names; an annotated tag names its commit."""
        lines = self.run("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)").splitlines()
        return {name: (peeled or [sha])[0] for name, sha, *peeled in map(str.split, lines)}

    def sha(self, revision: str) -> str | None:
        """The commit that a branch, a tag, a ref or a SHA names."""
        for candidate in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if self._says("rev-parse", "-q", "--verify", f"{candidate}^{{commit}}"):
                return self.run("rev-parse", f"{candidate}^{{commit}}")
        return None

    def is_ancestor(self, old: str, new: str) -> bool:
        return self._says("merge-base", "--is-ancestor", old, new)

    def merge_base(self, one: str, other: str) -> str:
        return self.run("merge-base", one, other)

    def update(self, ref: str, new: str | None) -> None:
        if new is None:
            self.run("update-ref", "-d", ref)
        else:
            self.run("update-ref", ref, new)

    def fetch(self, other: Bare, sha: str) -> None:
        """Bring a commit of another repository here."""
        if not self._says("cat-file", "-e", f"{sha}^{{commit}}"):
            self.run("fetch", "-q", "--no-tags", str(other.folder), sha)

    def commit(self, parents: Sequence[str], tree: str, message: str, author: str) -> str:
        options = [part for parent in parents for part in ("-p", parent)]
        return self.run("commit-tree", tree, *options, stdin=message, author=author)

    def tree_with(self, parent: str | None, files: Mapping[str, str | bytes | None]) -> str:
        """The tree of a commit with some files written, or deleted where the content is None."""
        with tempfile.TemporaryDirectory() as folder:
            index = str(Path(folder) / "index")
            self.run("read-tree", parent or "--empty", index=index)
            for path, content in files.items():
                if content is None:
                    self.run("update-index", "--force-remove", path, index=index)
                    continue
                blob = self.run("hash-object", "-w", "--stdin", stdin=content)
                mode = (self.run("ls-files", "-s", path, index=index).split() or ["100644"])[0]
                self.run("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", index=index)
            return self.run("write-tree", index=index)

    def tree_of(self, folder: Path) -> str:
        """The tree of a checkout as it lies there, without what it ignores."""
        with tempfile.TemporaryDirectory() as temporary:
            index = str(Path(temporary) / "index")
            self.run(f"--work-tree={folder}", "add", "--all", str(folder), index=index)
            return self.run("write-tree", index=index)

    def merge_tree(self, base: str, head: str) -> str | None:
        """The tree of a merge without conflict, else None."""
        try:
            return self.run("merge-tree", "--write-tree", base, head).splitlines()[0]
        except subprocess.CalledProcessError as failure:
            if failure.returncode == 1:
                return None
            raise

    def read(self, revision: str, path: str) -> bytes | None:
        """A file's bytes at a revision."""
        command = ["git", f"--git-dir={self.folder}", "cat-file", "blob", f"{revision}:{path}"]
        found = subprocess.run(command, capture_output=True)
        return found.stdout if found.returncode == 0 else None
