"""What /metrics tells, in Prometheus' text format, summed over the workers."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def prepare_folder() -> None:
    """Make the folder where the workers' counters meet; before they start and before prometheus_client is imported.

    /dev/shm can be written to also where the root file system cannot.
    """
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="lastro-metrics-", dir=place)


def remove_folder() -> None:
    """Delete the folder, after the last worker."""
    shutil.rmtree(os.environ.pop(FOLDER, ""), ignore_errors=True)


class Metrics:
    """Counters of one worker. release: what /version tells; its texts are the labels of lastro_model_info."""

    def __init__(self, release: dict[str, Any]):
        import prometheus_client as prometheus

        self._prometheus = prometheus
        self._registry = prometheus.CollectorRegistry()
        shared = {"registry": self._registry}
        self.requests = prometheus.Counter("lastro_requests", "Requests", ["path", "status"], **shared)
        self.latency = prometheus.Histogram(
            "lastro_request_seconds",
            "From the first byte of a scoring request to its answer",
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
            **shared,
        )
        self.rows = prometheus.Counter("lastro_rows", "Rows that were scored", **shared)
        self.errors = prometheus.Counter("lastro_errors", "Refused requests", ["kind"], **shared)
        labels = {key: str(value) for key, value in release.items() if isinstance(value, (str, int))}
        if labels:
            info = prometheus.Gauge(
                "lastro_model_info", "The model", sorted(labels), multiprocess_mode="mostrecent", **shared
            )
            info.labels(**labels).set(1)
        self._requests: dict[tuple[str, int], Any] = {}

    def count(self, path: str, status: int) -> None:
        """Count one answered request."""
        counter = self._requests.get((path, status))
        if counter is None:
            counter = self._requests[path, status] = self.requests.labels(path, str(status))
        counter.inc()

    def text(self) -> bytes:
        """Write the sums of all workers."""
        registry = self._registry
        if os.environ.get(FOLDER):
            from prometheus_client import multiprocess

            registry = self._prometheus.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
        return self._prometheus.generate_latest(registry)
