"""Settings from the container's environment, with defaults that follow the container's own limits."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

CHOICES = {"info": "off|[0-9]+", "ranges": "true|false", "log": "errors|requests"}
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Settings:
    """The app's settings, each from a variable LASTRO_NAME.

    Attributes:
        model: folder of the MLflow model. release: what /version tells, a JSON file.
        workers: processes; each predicts on one thread.
        queue: requests that one worker reads or computes at once; above it 503.
        max_body: bytes; above it 413. max_rows: rows of one request; above it 413.
        connections: that one worker holds; above it whoever has waited longest without a request makes room.
        timeout: seconds in which a head, a body, and the reading of an answer must be over; for a body 408 after them.
        drain: seconds in which requests in flight are finished after SIGTERM.
        info: "off", or another port, for what the app tells about itself: /docs, /schema, /openapi.json, /version, /metrics.
        ranges: whether /schema and /docs show the least and the largest value seen in training.
        log: "errors", or "requests" for one line a request.
    """

    model: Path = Path("/opt/lastro/model")
    release: Path = Path("/opt/lastro/release.json")
    host: str = "0.0.0.0"
    port: int = 8080
    workers: int = 1
    queue: int = 128
    max_body: int = 64 * 2**20
    max_rows: int = 1_000_000
    connections: int = 1000
    timeout: float = 30.0
    drain: int = 30
    info: str = ""
    ranges: bool = False
    log: str = "errors"

    @classmethod
    def read(cls) -> Settings:
        """Read the environment.

        Raises:
            ValueError: a value is not allowed; names the variable.
        """
        found: dict[str, object] = {"workers": cpu_limit()}
        for name, field in cls.__dataclass_fields__.items():
            text = os.environ.get(f"LASTRO_{name.upper()}")
            # Kubernetes sets LASTRO_PORT=tcp://… in every pod beside a service called lastro.
            if not text or (name == "port" and text.startswith("tcp://")):
                continue
            kind = type(field.default) if not isinstance(field.default, Path) else Path
            try:
                found[name] = text == "true" if kind is bool else kind(text)
            except ValueError:
                raise ValueError(f"LASTRO_{name.upper()}: expected a number, found {text!r}") from None
            if kind in (int, float) and not found[name] > 0:
                raise ValueError(f"LASTRO_{name.upper()}: expected a number above 0, found {text!r}")
            if name in CHOICES and not re.fullmatch(CHOICES[name], text):
                raise ValueError(f"LASTRO_{name.upper()}: expected {CHOICES[name]}, found {text!r}")
        return cls(**found)


def cpu_limit(cgroup: Path = CGROUP) -> int:
    """Count the whole processors that this container may use: its quota rounded up, never more than it may run on."""
    allowed = len(os.sched_getaffinity(0))
    quota = _quota(cgroup)
    return max(1, min(allowed, math.ceil(quota))) if quota else allowed


def _quota(cgroup: Path) -> float | None:
    """Read the processors of cgroup v2 or v1; None without a limit. docs.kernel.org/admin-guide/cgroup-v2.html"""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    try:
        limit = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        # "max"
        return None
    return limit if limit > 0 else None
