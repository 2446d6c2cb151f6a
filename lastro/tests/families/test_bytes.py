"""Equal inputs give equal bytes: again, elsewhere, with another number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DIGESTS = Path(__file__).with_name("digests.py")


def test_a_second_fit_gives_the_same_bytes(case, quick_fit):
    again = quick_fit(case.family, case.problem, case.train, case.validation)
    assert case.family.to_bytes(again.model) == case.family.to_bytes(case.model)
    assert again.history == case.fitted.history


@pytest.mark.e2e  # Processes of their own, half a minute
def test_threads_and_hash_seeds_change_no_byte():
    def start(threads: int) -> subprocess.Popen:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
        settings = {**dict.fromkeys(names, str(threads)), "PYTHONHASHSEED": str(threads)}
        return subprocess.Popen(
            [sys.executable, str(DIGESTS)], env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True
        )

    processes = {threads: start(threads) for threads in (1, 2, 4)}
    outputs = {threads: process.communicate()[0] for threads, process in processes.items()}
    assert all(process.returncode == 0 for process in processes.values())
    assert outputs[1].count("\n") == 14
    assert outputs[2] == outputs[1]
    assert outputs[4] == outputs[1]


def test_no_model_holds_a_thread_count(case):
    data = case.family.to_bytes(case.model)
    assert b"nthread" not in data
    if case.family.flavor == "sklearn":
        estimator = getattr(case.model, "steps", [("", case.model)])[-1][1]
        assert getattr(estimator, "n_jobs", None) is None
        binning = getattr(estimator, "_bin_mapper", None)
        assert getattr(binning, "n_threads", None) is None


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"PK\x03\x04nonsense"])
def test_a_damaged_file_is_one_clear_line(case, damage):
    from lastro.core.errors import LastroError

    with pytest.raises(LastroError, match=r"^model: not .*train it again$"):
        case.family.from_bytes(damage)
