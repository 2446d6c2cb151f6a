"""`lastro serve` and `lastro predict`: try a model out on a local port, or on a file."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lastro.cli.common import cli, opened_registry
from lastro.core.errors import ExternalError, LastroError
from lastro.core.paths import Paths, find_root

if TYPE_CHECKING:
    from lastro.operations.registry.client import Registry


@cli.command("predict")
@click.argument("source")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A .csv or .parquet file; default: CSV here.",
)
def predict(source: str, output: Path | None) -> None:
    """Score a table with the model of this working tree.

    SOURCE is what data.source may be; its cells are read as those that the model was trained on, and columns that are no
    inputs are passed over. The answer has a row for each of its rows, in their order.
    """
    from mlflow.exceptions import MlflowException

    from lastro.project import load_model
    from lastro.tables.check import read_inputs
    from lastro.tables.schema import read_schema

    root = find_root()
    table = read_inputs(source, Path.cwd(), read_schema(Paths.of(root).schema))
    try:
        answer = load_model(root).predict(table.to_pandas())
    except MlflowException as error:
        fix = "correct the cell (rows count from 0 here)"
        raise LastroError(error.message, where=source, fix=fix) from None
    if output and output.suffix == ".parquet":
        answer.to_parquet(output, index=False)
    else:
        answer.to_csv(output or sys.stdout, index=False)


@cli.command("serve")
@click.argument("what", metavar="[WHAT]", required=False)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=5001, show_default=True, help="0: any free one."
)
def serve(what: str | None, port: int) -> None:
    """Serve a model on this machine with MLflow Models, until Ctrl-C.

    WHAT is what `lastro trace` takes; without it production, else test, else the model of dvc.lock. The model's bytes are
    checked first. For trying out: MLflow's own server, one process, no authentication.
    """
    port = _free(port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="lastro-serve-") as name:
        with opened_registry() as (registry, root):
            title, model = _fetch(registry, root, what, Path(name))
        address = f"http://127.0.0.1:{port}/invocations"
        click.echo(f"serving {title} at {address}; Ctrl-C ends it")
        example = json.loads((model / "input_example.json").read_text(encoding="utf-8"))
        body = shlex.quote(json.dumps({"dataframe_split": example}, separators=(",", ":")))
        click.echo(f"try: curl -H 'Content-Type: application/json' -d {body} {address}")
        _run_server(model, port)


@cli.command("ui")
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def ui(port: int) -> None:
    """Show MLflow's pages on the runs of this clone, until Ctrl-C.

    One worker and no background jobs, which only traces of language models need (MLFLOW_SERVER_ENABLE_JOB_EXECUTION=true
    brings them back).
    """
    from lastro.operations.tracking import address

    root = find_root()
    uri = address.tracking_uri(root)
    if uri.startswith(("http:", "https:", "databricks", "azureml:")):
        fix = "open it in a browser"
        raise LastroError("is a server, which has these pages", where=address.VARIABLE, fix=fix)
    address.bring_home(address.database_of(root))
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    options = ("--backend-store-uri", uri, "--workers", "1", "--port", str(port))
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "ui", *options])


def _fetch(registry: Registry, root: Path, what: str | None, folder: Path) -> tuple[str, Path]:
    from lastro.operations.lineage import lineage
    from lastro.operations.registry import artifact, names
    from lastro.operations.release.trace import find_start, follow, get_run
    from lastro.operations.tracking import runs

    if what is None:
        aliases = registry.snapshot().aliases
        what = next((alias for alias in (names.PRODUCTION, names.TEST) if alias in aliases), None)
    if what is None:
        model = lineage.read(root).model
        run, version, what = runs.find_run(registry.store, model), None, "the model of dvc.lock"
    else:
        chain = follow(registry, root, find_start(registry, root, what))
        model, content = chain.start.model, chain.to_json()["links"]
        run = get_run(registry, content["run"]["run"]) if content["run"] else None
        version = content["version"]
    if not model or run is None:
        fix = "lastro sync, or lastro register --rev"
        raise LastroError("has no run in the tracking store", where=what, fix=fix)
    title = f"{version['name']} version {version['version']}" if version else f"model {model}"
    return f"{title} ({what})", artifact.fetch_folder(run, model, folder)


def _free(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            fix = "choose another with --port"
            raise LastroError(error.strerror, where=f"port {port}", fix=fix) from None
        return probe.getsockname()[1]


def _run_server(model: Path, port: int) -> None:
    """Run MLflow's server, which ends with this command: `subprocess.run` kills what it does not wait for."""
    from mlflow.pyfunc import scoring_server

    command, environment = scoring_server.get_cmd(str(model), port, "127.0.0.1", nworkers=1)
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(command)], env={**environment, "PATH": path}
        )
    except KeyboardInterrupt:
        return
    raise ExternalError(f"ended with exit code {done.returncode}, see above", where="mlflow models serve")
