"""The log: one JSON object a line on standard error, without a value of any request."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Any


def log(level: str, message: str, error: BaseException | None = None, **more: Any) -> None:
    """Write one line. error: told by its class and where it was raised; its words may hold what a request held."""
    content = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": level, "message": message}
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        content["error"] = type(error).__name__
        content["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    # One write, so that the lines of several workers do not mix.
    sys.stderr.write(json.dumps(content | more) + "\n")
    sys.stderr.flush()


class Handler(logging.Handler):
    """Passes on what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        log(record.levelname.lower(), record.getMessage(), record.exc_info[1] if record.exc_info else None)
