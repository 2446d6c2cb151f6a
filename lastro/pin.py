"""Pin the package in requirements/lastro.txt by a digest of the code that decides a model. `--check` compares instead."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent / "src" / "lastro"
PIN = Path(__file__).parents[1] / "requirements" / "lastro.txt"
DECIDING = ("core", "tables", "families", "evaluation", "artifact")
"""The rooms that the stages run in. The others record and ship what came out."""


def pin() -> str:
    """The text of the file."""
    digest = hashlib.sha256()
    for path in sorted(file for room in DECIDING for file in (PACKAGE / room).rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(PACKAGE).as_posix()} {len(content)}\n".encode() + content)
    return (
        "# The package lastro by content; every stage depends on this file. Written by `make lock`.\n"
        f"# sha256 of {', '.join(DECIDING)}: {digest.hexdigest()}\n"
        "--editable ./lastro\n"
    )


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PIN.write_text(pin(), encoding="utf-8")
    elif not PIN.is_file() or PIN.read_text(encoding="utf-8") != pin():
        sys.exit(
            f"error: {PIN.name}: is not what lastro/src says; run make lock, dvc repro, and commit dvc.lock"
        )
