"""A bounded run of the coverage-guided fuzzer; `make fuzz` is the long one."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import need

pytestmark = pytest.mark.e2e
RUNS = 1500


def test_nothing_that_is_sent_fails_the_app(tmp_path):
    need(importlib.util.find_spec("atheris"), "atheris")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.serving.fuzz",
            f"-runs={RUNS}",
            "-seed=1",
            f"-artifact_prefix={tmp_path}/",
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS} runs" in done.stderr
