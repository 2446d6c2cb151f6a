"""`python -m lastro_scoring.serving`: serve the model of the image."""

from __future__ import annotations

import logging
import signal
import sys

from . import metrics, worker
from .settings import Settings


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
    # The worker has said why in one line.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "failed to start" not in record.getMessage())
    try:
        uvicorn.run(
            f"{__package__}.worker:create",
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
            timeout_keep_alive=75,
            timeout_graceful_shutdown=settings.drain,
        )
        if worker.reported().exists():
            sys.exit(1)
    except SystemExit as ended:
        sys.exit(1 if ended.code == worker.FAILED else ended.code)
    finally:
        metrics.remove_folder()


if __name__ == "__main__":
    main()
