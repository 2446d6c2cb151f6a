"""`lastro trace` against importing MLflow and asking the same store one question: the embedded one, then a server."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import ROOT, Command, compare, environment, make_clone, report

sys.path.insert(0, str(ROOT / "lastro"))

from tests.servers import MlflowServer

ONE_QUESTION = (
    "from mlflow import MlflowClient; print(MlflowClient().get_registered_model('breast-cancer').aliases)"
)
GOAL = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once")
    times = 1 if parser.parse_args().quick else 9
    with tempfile.TemporaryDirectory() as name:
        clone = make_clone(Path(name) / "clone")
        variables = {
            "PYTHONPATH": str(clone / "lastro" / "src"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{clone}/mlflow.db",
        }
        for role in ("AUTHOR", "COMMITTER"):
            variables |= {f"GIT_{role}_NAME": "Benchmark", f"GIT_{role}_EMAIL": "benchmark@example.com"}
        _prepare(clone, variables)
        _measure("embedded store", clone, variables, times)
        server = MlflowServer(Path(name), f"sqlite:///{name}/server.db")
        try:
            variables["MLFLOW_TRACKING_URI"] = server.uri
            _do(clone, variables, "lastro", "register")
            _measure("server on loopback", clone, variables, times)
        finally:
            server.stop()


def _prepare(clone: Path, variables: dict[str, str]) -> None:
    _do(clone, variables | {"LASTRO_TRACKING": "off"}, "dvc", "repro", "--quiet")
    _do(clone, variables, "git", "add", "--all")
    _do(clone, variables, "git", "commit", "--quiet", "--message", "Model")
    _do(clone, variables, "lastro", "register")


def _measure(where: str, clone: Path, variables: dict[str, str], times: int) -> None:
    trace = Command("lastro trace test", ["lastro", "trace", "test"], clone, variables)
    question = Command("import mlflow, one question", [sys.executable, "-c", ONE_QUESTION], clone, variables)
    report(f"Trace, {where}", trace, question, compare(trace, question, times), GOAL)


def _do(clone: Path, variables: dict[str, str], *line: str) -> None:
    subprocess.run(line, cwd=clone, env=environment(variables), check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    # What the person who measures has set would go to their own store.
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    main()
