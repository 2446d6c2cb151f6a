"""The registry's commands on 10,000 runs and 5,000 versions, against the same commands on the first version alone."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from harness import ROOT, Command, Measured, make_clone, run

sys.path.insert(0, str(ROOT / "lastro"))
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

COMMANDS = (
    "register",
    "versions",
    "show test",
    "history",
    "trace test",
    "release plan v1.1.0",
    "promote v1.0.0",
    "rollback --to v1.0.0 --reason test --dry-run",
)
PREPARE = (
    "dvc repro",
    "git add -A",
    "git commit -qm Template",
    "git branch -M main",
    "git tag v1.0.0",
    "lastro register",
)


def measure(title: str, folder: Path, uri: str, database: str, size: tuple[int, int], times: int) -> None:
    """Time each command, fill the store, time each command again."""
    from tests.large_store import add_copies

    clone = make_clone(folder / "clone")
    who = {f"GIT_{role}_{what}": "bench" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = who | {"MLFLOW_TRACKING_URI": uri, "PYTHONPATH": str(clone / "lastro" / "src")}
    for line in (*PREPARE, "lastro promote v1.0.0", "git tag v1.1.0"):
        run(Command(line, line.split(), clone, env))
    commands = [Command(f"lastro {line}", ["lastro", *line.split()], clone, env) for line in COMMANDS]

    def timed() -> list[Measured]:
        return [
            sorted((run(command) for _ in range(times)), key=_seconds)[times // 2] for command in commands
        ]

    few = timed()
    add_copies(database, "breast-cancer", *size)
    many = timed()
    print(f"\n{title}: {size[0]:,} runs and {size[1]:,} versions against one")
    for command, before, after in zip(commands, few, many, strict=True):
        ratio = after.seconds / before.seconds
        print(f"  {command.name:<55} {before.seconds:5.2f} s {after.seconds:5.2f} s  ratio {ratio:.2f}")
    middle = statistics.median(a.seconds / b.seconds for a, b in zip(many, few, strict=True))
    print(f"  median ratio {middle:.2f}, goal for each at most 2")


def _seconds(measured: Measured) -> float:
    return measured.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once, few: whether it runs, not how fast")
    quick = parser.parse_args().quick
    size, times = ((100, 50), 1) if quick else ((10_000, 5_000), 3)

    from tests.servers import MlflowServer, Postgres

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "embedded").mkdir()
        database = f"sqlite:///{folder / 'embedded' / 'mlflow.db'}"
        measure("SQLite", folder / "embedded", database, database, size, times)
        postgres = Postgres()
        database = postgres.create("benchmark")
        server = MlflowServer(folder, database)
        try:
            (folder / "server").mkdir()
            measure("A server on PostgreSQL", folder / "server", server.uri, database, size, times)
        finally:
            server.stop()
            postgres.remove()


if __name__ == "__main__":
    main()
