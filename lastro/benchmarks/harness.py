"""Time commands as whole processes, in turn (A B A B ...), so that a ratio holds when the machine's speed drifts."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Command:
    """A command line, the folder it runs in, and variables on top of the environment."""

    name: str
    line: list[str]
    folder: Path
    env: dict[str, str] | None = None


@dataclass(frozen=True)
class Measured:
    """Seconds, and the largest resident memory of a single process of the command in MiB."""

    seconds: float
    memory: float


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Telemetry off, the venv's programs first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DVC_NO_ANALYTICS": "1", "PATH": path}
    return {**os.environ, **quiet, **(extra or {})}


def run(command: Command, watch: bool = True) -> Measured:
    """Run once.

    Args:
        watch: look at the memory, which costs a core some percent; without it, memory is 0.

    Raises:
        RuntimeError: the command fails; with the end of its output.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command.line,
        cwd=command.folder,
        env=environment(command.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
    if watch:
        watcher.start()
    output = process.communicate()[0]
    seconds = time.perf_counter() - start
    if watch:
        watcher.join()
    if process.returncode:
        raise RuntimeError(f"{command.name}: exit {process.returncode}\n{output[-2000:]}")
    return Measured(seconds, peak[0])


def _watch(process: subprocess.Popen, peak: list[float]) -> None:
    """The kernel's own high-water mark of every process in the tree, read while it lives."""
    import psutil

    try:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            for member in [root, *root.children(recursive=True)]:
                peak[0] = max(peak[0], _high_water(member.pid))
            time.sleep(0.02)
    except psutil.Error:
        pass


def _high_water(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def compare(measured: Command, against: Command, times: int) -> list[tuple[Measured, Measured]]:
    """Both in turn, `times` times, after one warm-up of each; once means to see that it runs, without a warm-up."""
    if times > 1:
        run(measured)
        run(against)
    return [(run(measured), run(against)) for _ in range(times)]


def report(
    title: str, measured: Command, against: Command, pairs: list[tuple[Measured, Measured]], goal: float
) -> None:
    """Print medians, and the ratio of each pair as its median, minimum and maximum."""
    ratios = sorted(a.seconds / b.seconds for a, b in pairs)
    print(f"\n{title}")
    for index, command in enumerate((measured, against)):
        seconds = statistics.median(pair[index].seconds for pair in pairs)
        memory = statistics.median(pair[index].memory for pair in pairs)
        print(f"  {command.name:<42} {seconds:7.2f} s  {memory:6.0f} MiB")
    median = statistics.median(ratios)
    print(f"  ratio {median:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), goal at most {goal}")
    memory = statistics.median(a.memory / b.memory for a, b in pairs)
    print(f"  memory ratio {memory:.2f}")


def make_clone(folder: Path) -> Path:
    """A Git repository in `folder` with the files of this working tree."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT)
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder
