"""A Docker engine of the tests' own: nothing of it touches the images or containers of the machine's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from tests.servers import need, wait_for


class Docker:
    """dockerd with its own folder and socket. `env` points the docker command at it.

    bridge: containers have a network and ports of this machine; otherwise none.
    """

    def __init__(self, bridge: bool = False) -> None:
        # Debian keeps it where not every user looks.
        program = shutil.which("dockerd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
        need(program and shutil.which("docker"), "Docker's engine")
        need(os.geteuid() == 0, "root, who may start Docker's engine,")
        # Two engines would share the bridge docker0 and its addresses.
        self._bridge = FileLock(Path(tempfile.gettempdir()) / "lastro-docker-bridge.lock") if bridge else None
        if self._bridge:
            self._bridge.acquire()
        # Not below pytest's folder: the path of a socket may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="lastro-docker-"))
        self.env = {"DOCKER_HOST": f"unix://{self.folder}/socket", "DOCKER_BUILDKIT": "0"}
        log = self.folder / "log"
        places = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
        options = [part for option, name in places.items() for part in (option, str(self.folder / name))]
        options += [] if bridge else ["--bridge=none", "--iptables=false"]
        self.process = subprocess.Popen(
            [program, "--host", self.env["DOCKER_HOST"], *options],
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        wait_for(lambda: self.run("version", check=False).returncode == 0, self.process, log)

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

    def remove(self) -> None:
        """End the engine and what it started, and delete its images."""
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._bridge:
            self._bridge.release()
