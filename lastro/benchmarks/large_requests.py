"""Memory and time of one CSV request of 100,000 rows of 30 numbers, against the size of its body.

usage: python benchmarks/large_requests.py IMAGE|MODEL_FOLDER [--rows N]
IMAGE: over HTTP, to a container with one worker; memory is the high-water mark of the container's control group less what it
holds after a request of one row. MODEL_FOLDER: an MLflow model folder as Lastro logs it, scored in a process of its own without
HTTP. Numeric inputs; the body counts as memory too. Linux.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from serving import container

from lastro.core.docker import docker


def make(names: list[str], rows: int, file: Path) -> Path:
    """Write a body of made-up numbers with all their digits."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv

    rng = np.random.default_rng(0)
    table = pa.table({name: rng.normal(size=rows) for name in names})
    pyarrow.csv.write_csv(table, file)
    return file


def largest() -> int:
    """Read the peak resident bytes of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def measure(folder: Path, body: Path) -> None:
    """Score the body in this process, and print what it took."""
    from lastro.serving.bodies import CSV, read
    from lastro.serving.model import Model

    model = Model(folder)
    before = largest()
    content = body.read_bytes()
    begun = time.perf_counter()
    _, rows = model.answer(read(CSV, content, model.columns, 10**7))
    seconds = time.perf_counter() - begun
    report(rows, len(content), largest() - before, seconds)


def report(rows: int, size: int, grown: int, seconds: float) -> None:
    """Print one line."""
    print(
        f"{rows} rows, body {size / 1e6:.1f} MB, memory {grown / 1e6:.1f} MB, "
        f"{grown / size:.2f} times the body, {seconds:.2f} s",
        flush=True,
    )


def counter(name: str, current: bool) -> int:
    """Read the bytes that the container's control group (version 2 or 1) holds now, or its peak."""
    files = (
        "memory.current memory/memory.usage_in_bytes"
        if current
        else "memory.peak memory/memory.max_usage_in_bytes"
    )
    return int(
        docker("exec", name, "sh", "-c", f"cd /sys/fs/cgroup; cat {files} 2>/dev/null; true").split()[0]
    )


def measure_container(image: str, body: Path, small: Path) -> None:
    """Score the body in a container."""
    with container(image) as url:
        name = docker("ps", "--quiet", "--filter", f"publish={url.rpartition(':')[2]}").strip()

        def post(path: Path) -> int:
            headers = {"Content-Type": "text/csv"}
            answer = requests.post(f"{url}/invocations", data=path.read_bytes(), headers=headers, timeout=600)
            answer.raise_for_status()
            return len(answer.json()["predictions"])

        post(small)
        before = counter(name, True)
        begun = time.perf_counter()
        rows = post(body)
        seconds = time.perf_counter() - begun
        report(rows, body.stat().st_size, counter(name, False) - before, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", metavar="IMAGE|MODEL_FOLDER")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--body", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = Path(options.what)
    if options.body:
        measure(folder, options.body)
        return
    if folder.is_dir():
        names = [column["name"] for column in json.loads((folder / "schema.json").read_text())["features"]]
    else:
        with container(options.what) as url:
            names = [column["name"] for column in requests.get(f"{url}/schema", timeout=60).json()["inputs"]]
    with tempfile.TemporaryDirectory() as place:
        large, small = make(names, options.rows, Path(place) / "large"), make(names, 1, Path(place) / "small")
        if folder.is_dir():
            subprocess.run([sys.executable, __file__, str(folder), "--body", str(large)], check=True)
        else:
            measure_container(options.what, large, small)


if __name__ == "__main__":
    main()
