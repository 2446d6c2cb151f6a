"""Commands that are interrupted: processes that go through a proxy to a server that is killed meanwhile."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.proxy import Hold, Proxy
from tests.servers import MlflowServer, Postgres

# Forked from a process that has imported what a command needs: importing takes longer than registering.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "dvc.api",
        "dvc.repo",
        "lastro.cli.main",
        "lastro.operations.registry.artifact",
        "lastro.operations.release.plan",
        "lastro.operations.tracking.figures",
        "lastro.operations.tracking.record",
        "mlflow.pyfunc.loaders",
        "pyarrow.dataset",
        "ruamel.yaml",
        "xgboost",
    ]
)


class Deployment:
    """An MLflow server over a PostgreSQL of its own, and a second one that stands in for it restarted.

    A server takes seconds to start; it keeps everything in the database and in the folder of artifacts, so one that was
    started before is no different.
    """

    def __init__(self, folder: Path):
        self.postgres = Postgres()
        self.artifacts = folder / "artifacts"
        self._arguments = (folder, self.postgres.create("faults"))
        self._starter = ThreadPoolExecutor(1)
        # The first one makes the tables.
        self.running = MlflowServer(*self._arguments)
        self._standby: Future[MlflowServer] = self._starter.submit(MlflowServer, *self._arguments)

    def port(self) -> int:
        return self.running.port

    def restart_server(self) -> None:
        """The standby takes the place of the server, which has to have been stopped, and the next one is started."""
        self.running = self._standby.result()
        self._standby = self._starter.submit(MlflowServer, *self._arguments)

    def close(self) -> None:
        self.running.stop()
        self._standby.result().stop()
        self._starter.shutdown()
        self.postgres.remove()


@dataclass(frozen=True)
class Outcome:
    """What a person sees of a command."""

    code: int
    out: str
    err: str


class Command:
    """`lastro ARGUMENTS` in a process of its own, through a proxy of its own.

    Where a request is to be held, the process stands still from that moment on, so that it notices nothing of how long it
    is held. `calls` are its requests.
    """

    def __init__(
        self,
        deployment: Deployment,
        folder: Path,
        arguments: tuple[str, ...],
        hold: Hold | None = None,
        retries: int = 0,
    ):
        self._proxy, self._hold, self._ended = Proxy(deployment.port, hold), hold, False
        self.calls = self._proxy.calls
        env = {"MLFLOW_TRACKING_URI": self._proxy.uri, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(retries)}
        self._out, self._err = folder.with_suffix(".out"), folder.with_suffix(".err")
        self._process = FORKS.Process(target=run_main, args=(arguments, folder, env, self._out, self._err))
        self._process.start()
        if hold:
            while not hold.reached.wait(0.01) and self._process.exitcode is None:
                pass
            if hold.reached.is_set():
                os.kill(self._process.pid, signal.SIGSTOP)

    def give_up(self) -> None:
        """End what was not finished, as a test that fails leaves it behind."""
        if not self._ended:
            self._process.kill()
            self._proxy.close()

    def finish(self) -> Outcome:
        """Let the held request go, and wait for the end."""
        if self._hold and self._hold.reached.is_set():
            self._hold.released.set()
            self._hold.over.wait()
            os.kill(self._process.pid, signal.SIGCONT)
        self._process.join()
        self._proxy.close()
        self._ended = True
        outcome = Outcome(self._process.exitcode, self._out.read_text(), self._err.read_text())
        assert not self._hold or self._hold.reached.is_set(), f"{len(self.calls)} requests only: {outcome}"
        return outcome


def run_main(arguments: tuple[str, ...], folder: Path, env: dict[str, str], out: Path, err: Path) -> None:
    """`lastro ARGUMENTS` in this process, which is one of `FORKS`."""
    from lastro.cli.main import main

    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    os.chdir(folder)
    os.environ.update(env)
    sys.argv = ["lastro", *arguments]
    main()
