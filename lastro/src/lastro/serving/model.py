"""The model that the image holds: its file, its schema, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ..artifact.columns import Columns
from ..artifact.native import predict_sklearn, predict_xgboost


class Model:
    """A loaded model.

    Args:
        folder: an MLflow model folder as lastro logs it (schema.json, input_example.json, model.ubj or model.skops).
    """

    def __init__(self, folder: Path):
        self.schema: dict[str, Any] = json.loads((folder / "schema.json").read_bytes())
        self.example: dict[str, Any] = json.loads((folder / "input_example.json").read_bytes())
        self.columns = Columns(self.schema)
        self.labels = self.schema["labels"]
        self._keys = ["prediction", *(f"probability_{label}" for label in self.labels)]
        self._predict = partial(_load(folder), task=self.schema["task"], n_classes=len(self.labels))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict (n, classes) probabilities or (n,) values of an encoded matrix (n, p)."""
        return self._predict(X)

    def answer(self, blocks: Iterable[np.ndarray]) -> tuple[bytes, int]:
        """Write the body of the answer; with the number of its rows."""
        parts, rows = zip(*self.parts(blocks), strict=True)
        return b"".join(parts), sum(rows)

    def parts(self, blocks: Iterable[np.ndarray]) -> Iterator[tuple[bytes, int]]:
        """Write the answer's body one block at a time, each with the number of its rows."""
        head = b'{"predictions":['
        for block in blocks:
            if len(block):
                yield head + orjson.dumps(self._rows(self.predict(block)))[1:-1], len(block)
                head = b","
        yield b"]}" if head == b"," else head + b"]}", 0

    def _rows(self, scores: np.ndarray) -> list[dict[str, Any]]:
        if not self.labels:
            return [{"prediction": score} for score in scores.tolist()]
        chosen = [self.labels[index] for index in scores.argmax(axis=1).tolist()]
        keys = self._keys
        if len(keys) == 3:
            # The common case, three times as fast.
            first, second, third = keys
            return [
                {first: label, second: negative, third: positive}
                for label, (negative, positive) in zip(chosen, scores.tolist(), strict=True)
            ]
        return [
            dict(zip(keys, (label, *row), strict=True))
            for label, row in zip(chosen, scores.tolist(), strict=True)
        ]


def _load(folder: Path) -> partial:
    file = folder / "model.ubj"
    if file.exists():
        from .booster import Booster

        return partial(predict_xgboost, Booster(file.read_bytes()))
    import yaml
    from skops.io import load

    flavor = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))["flavors"]["sklearn"]
    return partial(predict_sklearn, load(folder / "model.skops", trusted=flavor.get("skops_trusted_types")))
