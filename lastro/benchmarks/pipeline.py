"""The pipeline against what it replaces: one process by hand, DVC alone, load plus fit alone."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from harness import Command, compare, make_clone, report

SETTINGS = {"n_estimators": 100, "learning_rate": 0.1, "max_depth": 6, "early_stopping_rounds": 100}
LOAD_AND_FIT = """
import json, sys
import pyarrow.parquet as pq, xgboost, numpy as np
settings = json.load(open(sys.argv[2])); rounds = settings.pop("n_estimators"); settings.pop("early_stopping_rounds")
table = pq.read_table(sys.argv[1])
X = np.column_stack([table[name].to_numpy() for name in table.column_names if name != "target"])
y = table["target"].to_numpy()
del table
matrix = xgboost.QuantileDMatrix(X, y)
del X
xgboost.train({**settings, "objective": "binary:logistic", "tree_method": "hist"}, matrix, rounds)
"""


def write_table(path: Path, rows: int) -> None:
    """30 numeric columns, a binary target that five of them and noise decide."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 30))
    target = (X[:, :5].sum(axis=1) + rng.normal(size=rows) > 0).astype(int)
    pq.write_table(pa.table({f"x{i}": X[:, i] for i in range(30)} | {"target": target}), path)


def prepared_clone(folder: Path, rows: int) -> tuple[Path, Path, Path]:
    """A clone whose params name a table of `rows` rows; the table; the settings as JSON."""
    clone = make_clone(folder / "clone")
    table, settings = folder / "table.parquet", folder / "settings.json"
    write_table(table, rows)
    settings.write_text(json.dumps(SETTINGS))
    params = yaml.safe_load((clone / "params.yaml").read_text())
    params["data"] |= {"source": str(table)}
    params["model"]["params"] = SETTINGS
    (clone / "data" / "schema.json").write_text("{}")
    (clone / "params.yaml").write_text(yaml.safe_dump(params))
    return clone, table, settings


def against_one_process(folder: Path, times: int) -> None:
    clone, table, settings = prepared_clone(folder, 20_000)
    env = {"PYTHONPATH": str(clone / "lastro" / "src")}
    measured = Command("dvc repro -f, three stages, tracked", ["dvc", "repro", "-f"], clone, env)
    script = str(Path(__file__).with_name("reference.py"))
    by_hand = Command("one process by hand", [sys.executable, script, str(table), str(settings)], folder, env)
    report("20,000 x 30, tracked in SQLite", measured, by_hand, compare(measured, by_hand, times), 1.5)


TRIVIAL = """\
stages:
  first: {cmd: touch a, outs: [a]}
  second: {cmd: touch b, deps: [a], outs: [b]}
  third: {cmd: touch c, deps: [b], outs: [c]}
"""
BARE = """\
stages:
  prepare: {cmd: mkdir -p data/prepared, deps: ["${data.source}"], outs: [data/prepared]}
  train: {cmd: touch model, deps: [data/prepared], outs: [model]}
  evaluate: {cmd: touch report, deps: [model], outs: [report]}
"""
"""Stages that do nothing, but for the data that params name: no code, no parameter, no plot is declared."""


def with_nothing_to_do(folder: Path, times: int) -> None:
    clone, _, _ = prepared_clone(folder, 20_000)
    env = {"PYTHONPATH": str(clone / "lastro" / "src"), "LASTRO_TRACKING": "off"}
    measured = Command("dvc repro, nothing to do", ["dvc", "repro"], clone, env)
    pipelines = {
        "three trivial stages, ${data.source}": BARE,
        "three trivial stages": TRIVIAL,
        "no stages": "stages: {}\n",
    }
    others = {}
    for number, (name, stages) in enumerate(pipelines.items()):
        other = make_clone(folder / f"other-{number}")
        shutil.copy(clone / "params.yaml", other / "params.yaml")
        (other / "dvc.lock").unlink(missing_ok=True)
        (other / "dvc.yaml").write_text(stages)
        others[name] = Command(f"dvc repro, {name}", ["dvc", "repro"], other, env)
        report("Nothing to do", measured, others[name], compare(measured, others[name], times), 1.1)
    bare, none = others["three trivial stages, ${data.source}"], others["no stages"]
    report("DVC itself: what those stages cost it", bare, none, compare(bare, none, times), 1.1)


def against_load_and_fit(folder: Path, rows: int, times: int) -> None:
    clone, table, settings = prepared_clone(folder, rows)
    env = {"PYTHONPATH": str(clone / "lastro" / "src")}
    measured = Command("dvc repro -f, three stages, tracked", ["dvc", "repro", "-f"], clone, env)
    line = [sys.executable, "-c", LOAD_AND_FIT, str(table), str(settings)]
    against = Command("load and fit alone, on all rows", line, folder, {"OMP_WAIT_POLICY": "PASSIVE"})
    title = f"{rows:,} x 30, Parquet, {SETTINGS['n_estimators']} rounds"
    report(title, measured, against, compare(measured, against, times), 1.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="*", default=["process", "nothing", "million"])
    parser.add_argument(
        "--quick", action="store_true", help="once, with few rows: whether it runs, not how fast"
    )
    parser.add_argument("--rounds", type=int, default=300, help="boosting rounds of the million rows (300)")
    options = parser.parse_args()
    for name in options.which:
        with tempfile.TemporaryDirectory(prefix="lastro-bench-") as folder:
            if name == "process":
                against_one_process(Path(folder), 1 if options.quick else 7)
            elif name == "nothing":
                with_nothing_to_do(Path(folder), 1 if options.quick else 15)
            else:
                SETTINGS.update(n_estimators=options.rounds, early_stopping_rounds=options.rounds)
                rows, times = (20_000, 1) if options.quick else (1_000_000, 3)
                against_load_and_fit(Path(folder), rows, times)


if __name__ == "__main__":
    main()
