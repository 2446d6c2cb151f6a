"""`python -m lastro_scoring.serving`: load the model of the image, and serve it from forked workers that share its pages."""

from __future__ import annotations

import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from . import metrics
from .logs import Handler, log
from .settings import Settings

if TYPE_CHECKING:
    from .http import App

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
RESERVED_FILES = 64
"""Descriptors that are no connections."""
SPARE_SECONDS = 5
"""After the drain, for a worker to end by itself."""
RESTART_SECONDS = 0.2


def main() -> int:
    """Serve until SIGTERM; requests that had arrived are answered first. Return the exit code."""
    # They wait until somebody asks for them: here below, and in a worker when it is ready.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    logging.basicConfig(level=logging.WARNING, handlers=[Handler()])
    # Before the libraries are loaded: a pool of threads would not survive the fork.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        settings = Settings.read()
        ports = [settings.port, int(settings.info)] if settings.info.isdigit() else [settings.port]
        listeners = [_bind(settings.host, port) for port in ports]
    except (ValueError, OSError) as error:
        log("error", str(error))
        return 2
    metrics.prepare_folder()
    try:
        return _supervise(_load(settings), settings, listeners)
    except Exception as error:
        # XGBoost's errors end with addresses inside its library.
        reason = " ".join(str(error).partition("Stack trace:")[0].split())
        log("error", f"the model cannot be loaded ({type(error).__name__}: {reason})")
        return 1
    finally:
        metrics.remove_folder()


def _bind(host: str, port: int) -> socket.socket:
    """Take the port; the workers listen when they are ready."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    try:
        bound.bind((host, port))
    except OSError as error:
        raise OSError(f"{host}:{port} cannot be listened to ({error.strerror})") from None
    return bound


def _load(settings: Settings) -> App:
    """Make the app, and everything that the workers share."""
    from . import connections  # noqa: F401
    from .http import App
    from .model import Model

    release = json.loads(settings.release.read_bytes()) if settings.release.exists() else {}
    app = App(Model(settings.model), release, settings)
    # What is here now stays: no collection looks at it again, nor copies its pages into a worker.
    gc.collect()
    gc.freeze()
    return app


def _supervise(app: App, settings: Settings, listeners: list[socket.socket]) -> int:
    """Keep the workers running; pass a stop on to them, and wait for them."""
    workers = {_start(app, settings, listeners) for _ in range(settings.workers)}
    end = None
    while workers:
        left = 3600 if end is None else max(0, end - time.monotonic())
        received = signal.sigtimedwait(SIGNALS, left)
        if received is None and end is not None:
            log("error", f"{len(workers)} workers did not end in {settings.drain} s and are killed")
            _send(workers, signal.SIGKILL)
            return 1
        if received is not None and received.si_signo != signal.SIGCHLD and end is None:
            end = time.monotonic() + settings.drain + SPARE_SECONDS
            # The port is open as long as anybody has it open.
            for listener in listeners:
                listener.close()
            _send(workers, signal.SIGTERM)
        for pid, status in _ended(workers):
            workers.remove(pid)
            if end is None:
                code = os.waitstatus_to_exitcode(status)
                why = signal.Signals(-code).name if code < 0 else f"exit code {code}"
                log("error", f"a worker ended ({why}); another one takes its place")
                # One that cannot start would be started all the time.
                time.sleep(RESTART_SECONDS)
                workers.add(_start(app, settings, listeners))
    return 0


def _send(workers: set[int], number: signal.Signals) -> None:
    for pid in workers:
        os.kill(pid, number)


def _ended(workers: set[int]) -> Iterator[tuple[int, int]]:
    """Yield process id and status of each worker that has ended; as process 1, this one has others' children too."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            if found[0] in workers:
                yield found


def _start(app: App, settings: Settings, listeners: list[socket.socket]) -> int:
    """Fork a worker; its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _serve(app, settings, listeners)
        code = 0
    except BaseException as error:
        log("error", "the worker failed", error)
    finally:
        os._exit(code)


def _serve(app: App, settings: Settings, listeners: list[socket.socket]) -> None:
    from uvicorn.config import Config

    from .connections import Connection, Worker

    # uvicorn raises a signal again when it has drained: that has no more to say.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    config = Config(
        app,
        # More than one process without uvloop answers 44 ms late (Kludex/uvicorn#3149).
        loop="uvloop",
        http=Connection,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.drain,
    )
    connections = max(1, min(settings.connections, files - RESERVED_FILES))
    Worker(config, connections, settings.timeout).run(listeners)


if __name__ == "__main__":
    sys.exit(main())
