"""DVC's two hashes: MD5 of a file's raw bytes, and of a folder's sorted list of files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

FOLDER_SUFFIX = ".dir"


def file_md5(path: Path) -> str:
    """Hash the file as DVC does, in pieces."""
    with path.open("rb") as file:
        # A name for content, not a safeguard, so also where a policy forbids MD5 for security.
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def folder_md5(files: Mapping[str, str]) -> str:
    """Hash the folder as DVC does. `files` maps a path relative to it (with /) to that file's hash."""
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    tree = Tree()
    for path, md5 in files.items():
        tree.add(tuple(path.split("/")), None, HashInfo("md5", md5))
    tree.digest()
    return tree.hash_info.value
