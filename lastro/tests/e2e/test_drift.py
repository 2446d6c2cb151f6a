"""`lastro drift` on a repository whose data grows: as before, and moved."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.clones import Clone, make_clone

pytestmark = pytest.mark.e2e


def rows(seed: int, number: int, shift: float = 0.0, flipped: bool = False) -> str:
    """CSV lines: a number, a category, a label that follows from the number (or, flipped, from its opposite)."""
    rng = np.random.default_rng(seed)
    size = rng.normal(shift, 1, number)
    likes = (-size if flipped else size) + rng.normal(0, 0.3, number) > 0
    cities = rng.choice(["Porto", "Évora"], number)
    return "".join(
        f"{s:.6f},{city},{'yes' if y else 'no'}\n" for s, city, y in zip(size, cities, likes, strict=True)
    )


@pytest.fixture(scope="module")
def released(root, tmp_path_factory) -> Clone:
    """A repository whose model is in production."""
    clone = make_clone(root, tmp_path_factory.mktemp("drift") / "clone")
    clone.write("data/raw/table.csv", "size,city,bought\n" + rows(1, 600))
    clone.write("data/schema.json", "{}\n")
    text = clone.read("params.yaml").replace("data/breast_cancer.csv", "data/raw/table.csv")
    clone.write("params.yaml", text.replace("target: target", "target: bought"))
    clone.run("dvc", "repro")
    clone.commit("A table")
    assert "nothing is in production" in clone.run("lastro", "drift").stdout
    clone.run("lastro", "register")
    clone.run("git", "tag", "v1.0.0")
    clone.run("lastro", "promote", "v1.0.0")
    return clone


def watch(clone: Clone, more: str) -> dict:
    before = clone.read("data/raw/table.csv")
    lock = clone.read("dvc.lock")
    try:
        clone.write("data/raw/table.csv", before + more)
        text = clone.run("lastro", "drift", "--json", "drift.json").stdout
        # It looks, and leaves the pipeline's outputs alone.
        assert clone.read("dvc.lock") == lock
        assert "Traceback" not in text
        return json.loads(clone.read("drift.json"))
    finally:
        clone.write("data/raw/table.csv", before)


def test_nothing_new(released):
    assert "0 new rows since v1.0.0" in watch(released, "")["not_compared"]


def test_more_of_the_same_is_no_drift(released):
    found = watch(released, rows(2, 300))
    assert found["rows"] == 300
    assert not found["worse"]
    assert not any(column["beyond"] for column in found["columns"])


def test_inputs_that_moved(released):
    found = watch(released, rows(3, 300, shift=1.5))
    assert "size" in {column["name"] for column in found["columns"] if column["beyond"]}


def test_a_world_that_turned_around(released):
    found = watch(released, rows(4, 300, flipped=True))
    assert found["worse"]
    assert found["drop"] > 0.5
    assert not next(column for column in found["columns"] if column["name"] == "size")["beyond"]


def test_data_that_does_not_fit_is_one_line(released):
    before = released.read("data/raw/table.csv")
    try:
        released.write("data/raw/table.csv", before.replace("size,city", "weight,city"))
        done = released.run("lastro", "drift", check=False)
    finally:
        released.write("data/raw/table.csv", before)
    assert done.returncode == 2
    assert "cannot be scored on the newest data" in done.stdout
    assert "Traceback" not in done.stdout
