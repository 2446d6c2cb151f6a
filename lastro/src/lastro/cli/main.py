"""The command line: every command, imported. What a command works with is imported when it is called."""

from __future__ import annotations

import gc

from lastro.cli import github, image, lineage, pipeline, registry, release, serve  # noqa: F401
from lastro.cli.common import cli
from lastro.core.errors import exit_with_message

OBJECTS_BEFORE_COLLECTION = 100_000
"""Python's 700 make it look for cycles all through the import of MLflow, which leaves none: a sixth of its time."""


def main() -> None:
    """Run the command line: the console script."""
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    exit_with_message(lambda: cli(prog_name="lastro"))
