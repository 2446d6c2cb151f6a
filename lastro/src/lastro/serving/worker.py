"""What each worker process makes of the settings: the app; and what it leaves where it cannot."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

from .metrics import FOLDER
from .settings import Settings

FAILED = 3
"""Exit code after which uvicorn stops instead of starting the worker again."""


def create() -> object:
    """The app of this process; uvicorn calls it. Where it cannot be made, the process ends, and the server with it."""
    try:
        settings = Settings.read()
        from .http import App
        from .model import Model

        release = json.loads(settings.release.read_bytes()) if settings.release.exists() else {}
        app = App(Model(settings.model), release, settings)
        # What is here now stays; a large answer makes Python look for garbage, which it need not look for in all this.
        gc.collect()
        gc.freeze()
        return app
    except Exception as error:
        _report(error)
        sys.exit(FAILED)


def reported() -> Path:
    """Where the first worker that fails leaves a file."""
    return Path(os.environ[FOLDER]) / "failed"


def _report(error: Exception) -> None:
    try:
        reported().touch(exist_ok=False)
    except FileExistsError:
        # Another worker has said it.
        return
    # XGBoost's errors end with addresses inside its library.
    said = " ".join(str(error).partition("Stack trace:")[0].split())
    print(f"error: the model cannot be loaded ({type(error).__name__}: {said})", file=sys.stderr, flush=True)
