"""DVC's two hashes: MD5 of a file's raw bytes, and of a folder's sorted list of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER_SUFFIX = ".dir"


def hasher() -> Any:
    """A new MD5: a name for content, not a safeguard, so also where a policy forbids MD5 for security."""
    return hashlib.md5(usedforsecurity=False)


def file_md5(path: Path) -> str:
    """DVC's hash of the file, which is read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, hasher).hexdigest()


def folder_md5(files: Mapping[str, str]) -> str:
    """DVC's hash of the folder whose `files` are a path relative to it (with /) and that file's hash."""
    listing = [{"md5": files[path], "relpath": path} for path in sorted(files)]
    digest = hasher()
    digest.update(json.dumps(listing, sort_keys=True).encode())
    return digest.hexdigest() + FOLDER_SUFFIX


def cached_folder(root: Path, md5: str) -> dict[str, str] | None:
    """The files of the folder with this hash, as DVC's cache in `root` lists them; None if it does not."""
    manifest = root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    try:
        content = manifest.read_bytes()
        digest = hasher()
        digest.update(content)
        if digest.hexdigest() + FOLDER_SUFFIX != md5:
            return None
        return {entry["relpath"]: entry["md5"] for entry in json.loads(content)}
    except (OSError, ValueError, KeyError, TypeError):
        return None
