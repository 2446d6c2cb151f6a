"""Progress of a training, for a person who watches a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lastro.families.protocol import Progress


@contextmanager
def progress_bar(title: str) -> Iterator[Progress | None]:
    """A bar with the metrics of the round on a terminal; None, so that nothing is called, elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    bar = tqdm(desc=title, unit="round", leave=True)

    def show(iteration: int, total: int, metrics: dict[str, float]) -> None:
        bar.total = total
        bar.set_postfix({name: f"{value:.5g}" for name, value in metrics.items()}, refresh=False)
        bar.update(iteration + 1 - bar.n)

    try:
        yield show
    finally:
        bar.close()
