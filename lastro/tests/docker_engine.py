"""A Docker engine of the tests' own: nothing of it touches the images or containers of the machine's."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from filelock import FileLock

from tests.servers import need, wait_for


class Docker:
    """dockerd with its own folder and socket. `env` points the docker command at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"DOCKER_HOST": f"unix://{folder}/socket", "DOCKER_BUILDKIT": "0"}

    def run(
        self, *arguments: str, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A docker command against this engine."""
        return subprocess.run(
            ["docker", *arguments],
            env=os.environ | self.env,
            input=stdin,
            text=True,
            capture_output=True,
            check=check,
        )

    def start(self) -> int:
        """The id of the process, which outlives this one."""
        # Debian keeps it where not every user looks.
        program = shutil.which("dockerd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
        need(program and shutil.which("docker"), "Docker's engine")
        need(os.geteuid() == 0, "root, who may start Docker's engine,")
        log = self.folder / "log"
        places = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
        options = [part for option, name in places.items() for part in (option, str(self.folder / name))]
        with take_bridge() as bridge, log.open("wb") as output:
            process = subprocess.Popen(
                [program, "--host", self.env["DOCKER_HOST"], *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                # The lock is the engine's from here on: free again once it has ended, however it ends.
                pass_fds=[bridge.fileno()],
                start_new_session=True,
            )
        wait_for(lambda: self.run("version", check=False).returncode == 0, process, log)
        return process.pid

    def have_python(self) -> str:
        """Have the slim image of this interpreter's version, by LASTRO_BASE_IMAGE or from a registry; its name."""
        name = f"python:{'.'.join(map(str, sys.version_info[:3]))}-slim"
        maker = os.environ.get("LASTRO_BASE_IMAGE")
        if maker:
            subprocess.run([maker, sys.executable], env=os.environ | self.env, check=True)
        else:
            pulled = self.run("pull", name, check=False)
            need(pulled.returncode == 0, f"the image {name}, or LASTRO_BASE_IMAGE, a program that makes it,")
        return name

    def remove(self, pid: int) -> None:
        """End the engine and what it started, and delete its images."""
        os.kill(pid, signal.SIGTERM)
        with take_bridge(seconds=60):
            shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def take_bridge(seconds: float = 1800) -> Iterator[IO[str]]:
    """The right to the bridge docker0: two engines would share it and its addresses. The lock is the open file's."""
    place = Path(tempfile.gettempdir()) / "lastro-docker-bridge.lock"
    deadline = time.monotonic() + seconds
    with place.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                taken = f"{place} is held by the Docker engine of other tests; wait for them, or end it"
                assert time.monotonic() < deadline, taken
                time.sleep(0.2)
        yield file


@contextmanager
def shared_engine(folder: Path) -> Iterator[Docker]:
    """The engine of this run of pytest, with Python's slim image, for all its processes: the first that asks starts it, the
    last that leaves removes it. What they build has names of their own.

    folder: common to the processes.
    """
    lock, state = FileLock(folder / "engine.lock"), folder / "engine.json"
    with lock:
        if state.exists():
            content = json.loads(state.read_text())
        else:
            # Not below pytest's folder: the path of a socket may have 107 characters.
            engine = Docker(Path(tempfile.mkdtemp(prefix="lastro-docker-")))
            content = {"folder": str(engine.folder), "pid": engine.start(), "users": 0}
            try:
                engine.have_python()
            except BaseException:
                engine.remove(content["pid"])
                raise
        content["users"] += 1
        state.write_text(json.dumps(content))
    engine = Docker(Path(content["folder"]))
    try:
        yield engine
    finally:
        with lock:
            content = json.loads(state.read_text())
            content["users"] -= 1
            state.write_text(json.dumps(content))
            if not content["users"]:
                engine.remove(content["pid"])
                state.unlink()
