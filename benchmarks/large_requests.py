"""Memory and time of one request of 100,000 rows of 30 numbers, as CSV and as Parquet, against the size of its body.

usage: python benchmarks/large_requests.py MODEL_FOLDER [--rows N]
MODEL_FOLDER: an MLflow model folder as Lastro logs it, with numeric inputs. Each form runs in a process of its own; memory is
the growth of its largest resident size over that at rest, the body included (Linux).
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def make(folder: Path, rows: int, place: Path) -> None:
    """Write the two bodies: made-up numbers with all their digits."""
    import json

    import numpy as np
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    features = json.loads((folder / "schema.json").read_text())["features"]
    rng = np.random.default_rng(0)
    table = pa.table({column["name"]: rng.normal(size=rows) for column in features})
    pq.write_table(table, place / "body.parquet")
    sink = io.BytesIO()
    pyarrow.csv.write_csv(table, sink)
    (place / "body.csv").write_bytes(sink.getvalue())


def largest() -> int:
    """Bytes that were resident at most since the process began."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def measure(folder: Path, body: Path) -> None:
    """Score the body in this process, and print what it took."""
    from lastro.scoring.app.bodies import CSV, PARQUET, read
    from lastro.scoring.app.model import Model

    model = Model(folder)
    media = CSV if body.suffix == ".csv" else PARQUET
    before = largest()
    content = body.read_bytes()
    begun = time.perf_counter()
    _, rows = model.answer(read(media, content, model.columns, 10**7))
    seconds = time.perf_counter() - begun
    grown = largest() - before
    print(
        f"{body.suffix[1:]:<8}{rows} rows, body {len(content) / 1e6:.1f} MB, memory {grown / 1e6:.1f} MB, "
        f"{grown / len(content):.2f} times the body, {seconds:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--body", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.body:
        measure(options.folder, options.body)
        return
    with tempfile.TemporaryDirectory() as name:
        make(options.folder, options.rows, Path(name))
        for body in ("body.csv", "body.parquet"):
            subprocess.run(
                [sys.executable, __file__, str(options.folder), "--body", str(Path(name) / body)], check=True
            )


if __name__ == "__main__":
    main()
