"""The published image against the stock one, and the scoring app against a hand-written one and LitServe; needs Docker and wrk.

usage: python benchmarks/serving.py IMAGE STOCK_IMAGE [--seconds S] [--rounds N] [--rows N ...]
IMAGE: what `lastro image build` made; STOCK_IMAGE: the lastro-stock:... that MLflow made on the way. Each round measures
every server in turn, so that a ratio holds when the machine's speed drifts. The others are installed into a temporary venv.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from harness import ROOT

from lastro.core.docker import docker

sys.path.insert(0, str(ROOT / "lastro"))

from tests.servers import free_port

SERVERS = ("litserve==0.2.19", "fastapi==0.165.0", "orjson==3.13.0", "uvloop==0.23.0", "httptools==0.9.0")
HAND_WRITTEN = """
import sys, numpy as np, orjson, xgboost
from fastapi import FastAPI, Request, Response
booster = xgboost.Booster(model_file=sys.argv[1]); booster.set_param({"nthread": 1})
app = FastAPI()
@app.post("/invocations")
async def score(request: Request):
    table = orjson.loads(await request.body())["dataframe_split"]
    scores = booster.inplace_predict(np.array(table["data"], dtype=np.float64))
    rows = [{"prediction": p > 0.5, "probability": p} for p in scores.tolist()]
    return Response(orjson.dumps({"predictions": rows}), media_type="application/json")
import uvicorn
uvicorn.run(app, port=int(sys.argv[2]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
"""
FLOOR = """
import json, sys, time, orjson
from pathlib import Path
from lastro_scoring.serving.model import Model
from lastro_scoring.serving.bodies import read_numbers
folder, body, seconds = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes(), float(sys.argv[3])
model, spent, n, end = Model(folder), [0.0] * 3, 0, time.monotonic() + seconds
while time.monotonic() < end:
    begun = time.perf_counter(); X = read_numbers(body, model.columns, 10**6)
    read = time.perf_counter(); scores = model.predict(X)
    predicted = time.perf_counter(); orjson.dumps(model._rows(scores))
    done = time.perf_counter()
    spent = [a + b for a, b in zip(spent, (read - begun, predicted - read, done - predicted))]; n += 1
print(json.dumps([part / n * 1000 for part in spent]))
"""
"""What no server can be without: a body read, scored by XGBoost and written, on one processor."""
LITSERVE = """
import sys, numpy as np, xgboost, litserve
class Api(litserve.LitAPI):
    def setup(self, device):
        self.booster = xgboost.Booster(model_file=sys.argv[1]); self.booster.set_param({"nthread": 1})
    def decode_request(self, request): return np.array(request["dataframe_split"]["data"], dtype=np.float64)
    def predict(self, x): return self.booster.inplace_predict(x)
    def encode_response(self, output): return {"predictions": output.tolist()}
if __name__ == "__main__":
    litserve.LitServer(Api(api_path="/invocations"), accelerator="cpu", workers_per_device=1).run(
        port=int(sys.argv[2]), log_level="warning", generate_client_file=False)
"""


def wait(url: str, seconds: float = 90) -> None:
    """Until the port answers; nginx answers 502 before the server behind it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
            time.sleep(0.05)
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


@contextmanager
def container(image: str) -> Iterator[str]:
    """URL of a container with one processor."""
    name = docker("run", "--detach", "--cpus=1", "--publish=127.0.0.1::8080", image).strip()
    try:
        url = f"http://127.0.0.1:{docker('port', name, '8080').strip().rpartition(':')[2]}"
        wait(f"{url}/ping")
        yield url
    finally:
        docker("rm", "--force", name)


@contextmanager
def process(*command: str, env: dict[str, str] | None = None, port: int) -> Iterator[str]:
    """URL of a local process on one processor."""
    running = subprocess.Popen(
        ["taskset", "-c", "0", *command], env=env, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(30)
        # LitServe leaves its workers behind.
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)


def wrk(url: str, body: Path, connections: int, seconds: float) -> tuple[float, float]:
    """Requests a second, and the 99th percentile of the latency in ms."""
    script = body.with_suffix(".lua")
    script.write_text(
        f'wrk.method="POST"; wrk.headers["Content-Type"]="application/json"; '
        f'local f=io.open("{body}"); wrk.body=f:read("*a"); f:close()'
    )
    line = [
        "taskset",
        "-c",
        "1",
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds:g}s",
        # On a busy machine the stock image takes longer than wrk's 2 s.
        "--timeout",
        "60s",
        "--latency",
        "-s",
        str(script),
    ]
    said = subprocess.run([*line, f"{url}/invocations"], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{url}: {said}")
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), float(number) * {
        "us": 1e-3,
        "ms": 1,
        "s": 1e3,
    }[unit]


def compare(servers: dict[str, str], body: Path, connections: int, options) -> None:
    """A row per server: the median, and ours against it, round by round."""
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    for _ in range(options.rounds):
        for name, url in servers.items():
            rates[name].append(wrk(url, body, connections, options.seconds))
    ours = next(iter(servers))
    for name, found in rates.items():
        rate, late = (statistics.median(column) for column in zip(*found, strict=True))
        ratios = [mine[0] / other[0] for mine, other in zip(rates[ours], found, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(
            f"  {connections:>3} connections  {name:<14}{rate:>8.0f}/s  p99 {late:>7.2f} ms  ours/it {spread}",
            flush=True,
        )


def floor(line: list[str], env: dict[str, str], rounds: int) -> None:
    """Print how many requests one processor can read, score and write at best, without a server around it."""
    found = [
        json.loads(
            subprocess.run(["taskset", "-c", "0", *line], env=env, capture_output=True, check=True).stdout
        )
        for _ in range(rounds)
    ]
    read, scored, written = (statistics.median(column) for column in zip(*found, strict=True))
    rate = 1000 / (read + scored + written)
    print(
        f"  floor, no server{rate:>16.0f}/s  read {read:.2f} ms, XGBoost {scored:.2f} ms, write {written:.2f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("stock")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 1000], help="Of a request.")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("error: wrk is not installed; apt-get install wrk")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        holder = docker("create", options.image).strip()
        stack.callback(docker, "rm", holder)
        docker("cp", f"{holder}:/opt/lastro", str(folder))
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, folder / "venv"], check=True)
        python = str(folder / "venv" / "bin" / "python")
        packages = [*SERVERS, "xgboost-cpu==3.2.0"]
        subprocess.run(["uv", "pip", "install", "-q", "--python", python, *packages], check=True)
        model = folder / "lastro" / "model" / "model.ubj"
        example = json.loads((folder / "lastro" / "model" / "input_example.json").read_text())
        bodies = {}
        for rows in options.rows:
            bodies[rows] = folder / f"{rows}.json"
            table = {"columns": example["columns"], "data": example["data"] * rows}
            bodies[rows].write_text(json.dumps({"dataframe_split": table}))

        ports = [free_port() for _ in range(3)]
        env = {
            "PYTHONPATH": str(folder / "lastro" / "site"),
            "LASTRO_MODEL": str(folder / "lastro" / "model"),
        }
        env |= {"LASTRO_PORT": str(ports[0]), "LASTRO_WORKERS": "1", "PATH": "/usr/bin:/bin"}
        start: dict[str, Callable] = {
            "lastro": lambda: process(sys.executable, "-m", "lastro_scoring.serving", env=env, port=ports[0])
        }
        for server, (code, port) in {
            "hand-written": (HAND_WRITTEN, ports[1]),
            "litserve": (LITSERVE, ports[2]),
        }.items():
            (folder / f"serve_{server}.py").write_text(code)
            line = (python, str(folder / f"serve_{server}.py"), str(model), str(port))
            start[server] = lambda line=line, port=port: process(*line, port=port)
        for title, chosen in (
            ("containers, one processor each", {"image": options.image, "stock image": options.stock}),
            ("processes, one processor each", start),
        ):
            with ExitStack() as running:
                servers = {
                    key: running.enter_context(container(what) if isinstance(what, str) else what())
                    for key, what in chosen.items()
                }
                for rows, body in bodies.items():
                    print(f"{title}; {rows} row{'s' if rows > 1 else ''} a request")
                    for connections in (1, 8, 32) if rows == 1 else (1,):
                        compare(servers, body, connections, options)
                    if rows > 1:
                        line = [
                            sys.executable,
                            "-c",
                            FLOOR,
                            env["LASTRO_MODEL"],
                            str(body),
                            str(options.seconds),
                        ]
                        floor(line, env, options.rounds)


if __name__ == "__main__":
    main()
