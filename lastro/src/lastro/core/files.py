"""Read JSON, and write files so that nobody ever reads half of one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lastro.core.errors import LastroError, readable


def write_whole(path: Path, content: bytes | str) -> None:
    """Write beside the file and put it in place; folders are made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    temporary.replace(path)


def write_json(path: Path, content: object) -> None:
    """Write readable JSON, the same bytes for the same content. NaN has no place in JSON: ValueError."""
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, fix: str = "") -> Any:
    """Read JSON.

    Raises:
        LastroError: it cannot be read, or is not JSON.
    """
    with readable(path, fix):
        content = path.read_bytes()
    try:
        return json.loads(content)
    except ValueError as error:
        raise LastroError(f"is not JSON ({error})", where=path, fix=fix) from None
