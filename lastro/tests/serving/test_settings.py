"""What the container's environment says, and how many workers a container with a CPU limit starts."""

from __future__ import annotations

import os

import pytest

from lastro.serving.settings import Settings, cpu_limit

HERE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("files", "workers"),
    [
        ({}, HERE),
        ({"cpu.max": "max 100000\n"}, HERE),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu.max": "150000 100000\n"}, min(2, HERE)),
        ({"cpu.max": "9900000 100000\n"}, HERE),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, HERE),
        ({"cpu/cpu.cfs_quota_us": "20000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
    ],
)
def test_workers_follow_the_limit(tmp_path, files, workers):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpu_limit(tmp_path) == workers


def test_a_service_called_lastro_in_kubernetes_is_no_setting(monkeypatch):
    monkeypatch.setenv("LASTRO_PORT", "tcp://10.0.0.1:8080")
    assert Settings.read().port == 8080
    monkeypatch.setenv("LASTRO_PORT", "9090")
    assert Settings.read().port == 9090
    monkeypatch.setenv("LASTRO_PORT", "udp")
    with pytest.raises(ValueError, match="LASTRO_PORT"):
        Settings.read()
