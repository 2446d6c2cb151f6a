"""`python -m lastro_scoring.serving`: serve the model of the image."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
from pathlib import Path

from . import metrics
from .settings import Settings

FAILED = 3
"""Exit code after which uvicorn stops instead of starting the worker again."""


def main() -> None:
    """Serve until SIGTERM; requests in flight are answered first."""
    import uvicorn

    try:
        settings = Settings.read()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    # uvicorn drains, then raises the signal again for whoever listened before: a stop that was asked for is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    metrics.prepare_folder()
    # The worker has printed why in one line.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "failed to start" not in record.getMessage())
    try:
        uvicorn.run(
            f"{__package__}.__main__:create_app",
            factory=True,
            host=settings.host,
            port=settings.port,
            # More than one process without uvloop answers 44 ms late (Kludex/uvicorn#3149).
            loop="uvloop",
            http="httptools",
            workers=settings.workers,
            access_log=False,
            server_header=False,
            log_level="warning",
            ws="none",
            lifespan="off",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=settings.drain,
        )
        if _failure_file().exists():
            sys.exit(1)
    except SystemExit as ended:
        sys.exit(1 if ended.code == FAILED else ended.code)
    finally:
        metrics.remove_folder()


def create_app() -> object:
    """Make the app of a worker process, for uvicorn. Where that fails, the process ends, and the server with it."""
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


def _report(error: Exception) -> None:
    try:
        _failure_file().touch(exist_ok=False)
    except FileExistsError:
        # Another worker has reported it.
        return
    # XGBoost's errors end with addresses inside its library.
    reason = " ".join(str(error).partition("Stack trace:")[0].split())
    print(
        f"error: the model cannot be loaded ({type(error).__name__}: {reason})", file=sys.stderr, flush=True
    )


def _failure_file() -> Path:
    """Return the file that the first worker that fails leaves."""
    return Path(os.environ[metrics.FOLDER]) / "failed"


if __name__ == "__main__":
    main()
