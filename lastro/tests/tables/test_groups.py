"""The groups of a slice column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lastro.tables.groups import BINS, group_names


def groups(values) -> dict[str, int]:
    names, counts = np.unique(group_names(pa.chunked_array([values])), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def test_quartiles_are_named_in_six_digits():
    assert groups(pa.array([i / 3 for i in range(40)])) == {
        "0 to 3.25": 10, "3.25 to 6.5": 10, "6.5 to 9.75": 10, "9.75 to 13": 10,
    }  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [
        range(1_700_000_000, 1_700_000_100),
        [1 + i * 1e-9 for i in range(100)],
        [1 + i * 2**-52 for i in range(100)],
        [-1e300 * (1 + i * 1e-12) for i in range(100)],
    ],
)
def test_quartiles_stay_apart_however_near_they_are(values):
    found = groups(pa.array(list(values)))
    assert len(found) == BINS
    assert set(found.values()) <= {24, 25, 26}


def test_no_more_digits_than_it_takes():
    assert list(groups(pa.array([500_000 + i / 10 for i in range(41)]))) == [
        "500000 to 500001", "500001 to 500002", "500002 to 500003", "500003 to 500004",
    ]  # fmt: skip
    assert list(groups(pa.array([500_000 + i / 100 for i in range(41)]))) == [
        "500000 to 500000.1", "500000.1 to 500000.2", "500000.2 to 500000.3", "500000.3 to 500000.4",
    ]  # fmt: skip
