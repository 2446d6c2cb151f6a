"""The benchmarks take minutes, so they are not run here; that each of them can be loaded is seen."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_can_be_loaded(script, monkeypatch):
    # As for a script that is run.
    monkeypatch.syspath_prepend(script.parent)
    assert runpy.run_path(str(script), run_name="loaded")["__doc__"]
