"""Real servers on loopback, started by the tests and ended by their process id."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
import pytest


def need(condition: object, what: str) -> None:
    """Skip where a real part is not installed; an error where nothing may be skipped (`.ci/run`)."""
    if not condition:
        if os.environ.get("LASTRO_REQUIRE_E2E"):
            pytest.fail(f"{what} is not installed, and LASTRO_REQUIRE_E2E forbids to skip")
        pytest.skip(f"{what} is not installed")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(ready, process: subprocess.Popen, log: Path, seconds: float = 90) -> None:
    """Poll until `ready()` is true; fail with the log when the process ends or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if ready():
            return
        time.sleep(0.1)
    raise AssertionError(f"{process.args[0]} did not get ready:\n{log.read_text()[-3000:]}")


OPTIONS = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")


class Postgres:
    """A PostgreSQL cluster of the test's own."""

    def __init__(self) -> None:
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [
            str(Path(shutil.which("initdb") or "").parent)
        ]
        self._bin = Path(found[-1])
        need((self._bin / "initdb").exists(), "PostgreSQL")
        self._databases: set[str] = set()
        # initdb refuses to run as root.
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        # Not below pytest's folder: nobody but its owner, root, may look into that.
        self._above = Path(tempfile.mkdtemp(prefix="lastro-postgres-"))
        self._above.chmod(0o755)
        self.folder, self.port = self._above / "data", free_port()
        self.folder.mkdir()
        if self._as:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "-D", str(self.folder), "-U", "lastro", "-A", "trust", "--no-sync", "-E", "UTF8")
        self.log = self._above / "log"
        self.start()

    def _run(self, program: str, *arguments: str, stdin: bytes | None = None) -> bytes:
        command = [*self._as, str(self._bin / program), *arguments]
        return subprocess.run(command, check=True, capture_output=True, cwd="/", input=stdin).stdout

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                *self._as,
                str(self._bin / "postgres"),
                "-D",
                str(self.folder),
                "-p",
                str(self.port),
                "-F",
                *OPTIONS,
            ],
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            cwd="/",
        )
        check = [str(self._bin / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        wait_for(lambda: subprocess.run(check).returncode == 0, self.process, self.log)

    def uri(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg2://lastro@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Create the database where it is not there yet; its URI. Fixtures of two rooms may ask for the same one."""
        if database not in self._databases:
            self._client("createdb", database)
            self._databases.add(database)
        return self.uri(database)

    def _client(self, program: str, *arguments: str, stdin: bytes | None = None) -> bytes:
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "lastro")
        return self._run(program, *where, *arguments, stdin=stdin)

    def dump(self, database: str) -> bytes:
        """What pg_dump writes."""
        return self._client("pg_dump", "--format", "custom", database)

    def restore(self, dump: bytes, database: str) -> None:
        """Create the database of a dump."""
        self.create(database)
        self._client("pg_restore", "--dbname", database, stdin=dump)
        self._client("psql", "--command", "ANALYZE", database)

    def stop(self) -> None:
        pid = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGINT)
        self.process.wait(30)

    def crash(self) -> None:
        """Kill it; its other processes end of themselves, and until they have it cannot be started again."""
        pid = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        others = psutil.Process(pid).children(recursive=True)
        os.kill(pid, signal.SIGKILL)
        self.process.wait(30)
        _, alive = psutil.wait_procs(others, 30)
        assert not alive, alive

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._above)


class MlflowServer:
    """An MLflow tracking server that proxies its artifacts."""

    def __init__(self, folder: Path, store: str, *options: str, env: dict[str, str] | None = None):
        self.port, self.log = free_port(), folder / "mlflow.log"
        self.uri = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, *options]
        self._command += ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        self._command += ["--artifacts-destination", str(folder / "artifacts")]
        self._env = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **(env or {})}
        self._folder = folder
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command,
            env=self._env,
            cwd=self._folder,
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_for(self._answers, self.process, self.log)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self) -> None:
        """End the server and the workers that it started, at once: as a crash would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
