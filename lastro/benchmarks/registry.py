"""What registering costs on a real server, against importing mlflow and asking that server one question.

Alone, and 32 at once: importing MLflow 32 times is what the cores of one machine are busy with.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import ROOT, Command, make_clone, report, run

sys.path.insert(0, str(ROOT / "lastro"))
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

MANY = 32
NAMED = "name = 'breast-cancer'"
QUESTION = "import mlflow; mlflow.MlflowClient().get_experiment_by_name('breast-cancer')"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once")
    times = 1 if parser.parse_args().quick else 15

    from tests.servers import MlflowServer, Postgres

    postgres = Postgres()
    with tempfile.TemporaryDirectory() as name:
        server = MlflowServer(Path(name), postgres.create("benchmark"))
        try:
            measure(Path(name), server.uri, times)
        finally:
            server.stop()
            postgres.remove()


def measure(folder: Path, uri: str, times: int) -> None:
    """Register a model that is there already, and one that is new to the registry; its run is there in both cases."""
    from mlflow import MlflowClient

    clone = make_clone(folder / "clone")
    who = [f"GIT_{role}_{what}=bench" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
    env = dict(pair.split("=") for pair in who) | {
        "MLFLOW_TRACKING_URI": uri,
        "PYTHONPATH": str(clone / "lastro" / "src"),
    }
    for line in (
        ["dvc", "repro"],
        ["git", "add", "-A"],
        ["git", "commit", "-qm", "Template"],
        ["lastro", "register"],
    ):
        run(Command(" ".join(line), line, clone, env))
    question = Command("import mlflow, one question", [sys.executable, "-c", QUESTION], clone, env)
    register = Command("lastro register", ["lastro", "register"], clone, env)
    client = MlflowClient(uri)

    def pairs(new: bool) -> list:
        found = []
        for _ in range(times):
            if new:
                delete_versions()
            found.append((run(register), run(question)))
        return found

    def delete_versions() -> None:
        for version in client.search_model_versions(NAMED):
            client.delete_model_version("breast-cancer", version.version)

    report("Register a model that is there already", register, question, pairs(new=False), 1.5)
    report("Register a new model", register, question, pairs(new=True), 3)

    print(f"\n{MANY} at once, {os.cpu_count()} cores")
    for command in (register, question):
        delete_versions()
        seconds = sorted(at_once(command))
        print(
            f"  {command.name:<42} first {seconds[0]:5.1f} s, median {statistics.median(seconds):5.1f} s, ",
            end="",
        )
        print(f"last {seconds[-1]:5.1f} s")
        if command is register:
            print(f"  versions left: {len(client.search_model_versions(NAMED))}")
    print("  goal: each within 30 s")


def at_once(command: Command) -> list[float]:
    """Seconds that each of MANY processes takes when they are started together, by themselves: MANY watchers of
    their memory would take a fifth of two cores.
    """
    with ThreadPoolExecutor(MANY) as pool:
        return [
            measured.seconds for measured in pool.map(lambda one: run(one, watch=False), [command] * MANY)
        ]


if __name__ == "__main__":
    main()
