"""The predictions of one model on the held-out rows: the one file that everything else is derived from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from lastro.core.errors import LastroError

Label = str | int | bool


@dataclass(frozen=True, eq=False)
class Predictions:
    """n held-out rows with their truth and what one model says of them.

    A score that is not finite may be held, so that it reaches the gate, which fails it.

    Attributes:
        labels: the k >= 2 class labels of one type, sorted; empty for regression. For two classes the
            last one is the positive class.
        keys: (n,) uint64, int64 or text; names the rows across models. Rows that are equal share a key.
        truth: (n,) int64 index into labels, or float64 value of the target.
        scores: (n, k) float64 probabilities, or (n,) float64 predicted values in the unit of the target.
        slices: column to (n,) names of the groups, as text.

    Raises:
        LastroError: shapes that don't fit together, unsorted or mixed labels, a truth that is no class
            index or not finite, a probability outside 0 .. 1.
    """

    task: Literal["classification", "regression"]
    labels: tuple[Label, ...]
    keys: np.ndarray
    truth: np.ndarray
    scores: np.ndarray
    slices: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        classification = self.task == "classification"
        _check(self.task in ("classification", "regression"), f"task {self.task!r} is neither of the two")
        keys, truth = np.asarray(self.keys), np.asarray(self.truth)
        if keys.dtype.kind not in "iu":
            keys = keys.astype(np.str_)
        elif keys.dtype != np.uint64:
            keys = keys.astype(np.int64)
        indices = not classification or truth.dtype.kind in "iu" or not truth.size
        _check(indices, f"truth holds {truth.dtype}, expected class indices")
        truth = truth.astype(np.int64 if classification else np.float64)
        scores = np.asarray(self.scores, dtype=np.float64)
        slices = {name: np.asarray(groups).astype(np.str_) for name, groups in self.slices.items()}
        converted = {"keys": keys, "truth": truth, "scores": scores, "slices": slices}
        converted["labels"] = tuple(self.labels)
        for name, value in converted.items():
            object.__setattr__(self, name, value)

        n, k = len(truth), len(self.labels)
        shape = (n, k) if classification else (n,)
        _check(scores.shape == shape, f"scores have shape {scores.shape}, expected {shape}")
        for name, column in {"keys": keys, "truth": truth, **slices}.items():
            _check(column.shape == (n,), f"{name} has shape {column.shape}, expected {(n,)}")
        if classification:
            kinds = {type(label) for label in self.labels}
            one_kind = k >= 2 and len(kinds) == 1 and kinds <= {str, int, bool}
            _check(one_kind, "labels are not >= 2 of one type")
            _check(list(self.labels) == sorted(set(self.labels)), "labels are not sorted and distinct")
            _check(not n or (truth.min() >= 0 and truth.max() < k), "truth holds an index without a label")
            _check(not ((scores < 0) | (scores > 1)).any(), "scores hold a probability outside 0 .. 1")
        else:
            _check(k == 0, "labels are given for regression")
            _check(bool(np.isfinite(truth).all()), "truth holds a value that is not finite")

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def predicted(self) -> np.ndarray:
        """Return the (n,) int64 index of the most probable class (the first one of equals), or the float64 values."""
        return self.scores if self.task == "regression" else self.scores.argmax(axis=1)

    @property
    def finite(self) -> np.ndarray:
        """Return for each row, (n,), whether no score is NaN or infinite."""
        return np.isfinite(self.score_columns).all(axis=0)

    @property
    def bad_rows(self) -> int:
        """Count the rows with a score that is NaN or infinite."""
        return int(np.count_nonzero(~self.finite))

    @property
    def score_columns(self) -> np.ndarray:
        """Return the scores as (k, n), one row of them for each class."""
        return np.atleast_2d(self.scores.T)

    def take(self, rows: np.ndarray) -> Predictions:
        """Select rows by a boolean mask or an array of indices, in that order."""
        slices = {name: groups[rows] for name, groups in self.slices.items()}
        columns = self.keys[rows], self.truth[rows], self.scores[rows]
        return Predictions(self.task, self.labels, *columns, slices)

    def groups(self, column: str) -> Iterator[tuple[str, Predictions]]:
        """Divide the rows by a slice column: each group's name and rows, by name.

        Raises:
            LastroError: the predictions do not hold the column.
        """
        if column not in self.slices:
            held = ", ".join(sorted(self.slices)) or "none"
            problem = f"the predictions have no slice column {column!r} (they have: {held})"
            fix = "correct the name, or repeat the evaluation"
            raise LastroError(problem, where="evaluation.slices", fix=fix)
        order = np.argsort(self.slices[column], kind="stable")
        present, starts = np.unique(self.slices[column][order], return_index=True)
        # No rows have no groups, but would split into one.
        for name, rows in zip(present.tolist(), np.split(order, starts[1:]), strict=False):
            yield name, self.take(rows)

    def canonical(self) -> Predictions:
        """Sort the rows by key, those with one key by truth, then scores."""
        order = np.argsort(self.keys, kind="stable")
        keys = self.keys[order]
        if (keys[1:] == keys[:-1]).any():
            order = np.lexsort((*self.score_columns, self.truth, self.keys))
        return self.take(order)

    def names(self, column: np.ndarray) -> np.ndarray:
        """Name class indices by their labels (text, integer or boolean); values stay as they are."""
        return column if self.task == "regression" else np.array(self.labels)[column]

    def write(self, path: Path) -> None:
        """Write Parquet: key, truth, prediction, probabilities, slices. Equal content gives equal bytes."""
        # Imported here: the gate and its verdict are also used where no Parquet file is touched.
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {
            "__key__": self.keys,
            "truth": self.names(self.truth),
            "prediction": self.names(self.predicted),
        }
        for index, label in enumerate(self.labels):
            columns[f"probability_{label}"] = self.scores[:, index]
        for name, groups in self.slices.items():
            columns[f"slice_{name}"] = groups
        meta = {"lastro": json.dumps({"task": self.task, "labels": self.labels}, ensure_ascii=False)}
        table = pa.table({name: _to_arrow(values) for name, values in columns.items()})
        pq.write_table(table.replace_schema_metadata(meta), path, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> Predictions:
        """Read what `write` wrote.

        Raises:
            LastroError: unreadable, or not a file that `write` has written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            # Through an open file: a path alone would make Arrow look for a partitioned data set.
            with open(path, "rb") as file:
                table = pq.read_table(file)
            meta = json.loads((table.schema.metadata or {})[b"lastro"])
            column = {name: table[name].to_numpy() for name in table.column_names}
            labels, truth = tuple(meta["labels"]), column["truth"]
            if labels:
                index = {label: position for position, label in enumerate(labels)}
                truth = np.fromiter((index[label] for label in truth.tolist()), np.int64, len(truth))
                scores = np.stack([column[f"probability_{label}"] for label in labels], axis=1)
            else:
                scores = column["prediction"]
            slices = {n.removeprefix("slice_"): v for n, v in column.items() if n.startswith("slice_")}
            return cls(meta["task"], labels, column["__key__"], truth, scores, slices)
        except OSError as error:
            reason = error.strerror or error
        except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
        problem = f"is no readable file of predictions ({str(reason).splitlines()[0]})"
        raise LastroError(problem, where=path, fix="repeat the evaluation")


class Aligned(NamedTuple):
    """The common rows of two models, in one order, and how many rows of each were left out."""

    candidate: Predictions
    champion: Predictions
    candidate_left_out: int
    champion_left_out: int


def aligned(candidate: Predictions, champion: Predictions) -> Aligned:
    """Restrict both to their common rows, in the candidate's canonical order.

    Rows match by key and truth. Where several rows share both, the first in canonical order matches the
    first, the second the second, and those that one side has more of are left out.

    Raises:
        LastroError: tasks, labels or kinds of key differ, or a key has another truth on each side.
    """
    for what in ("task", "labels"):
        ours, theirs = getattr(candidate, what), getattr(champion, what)
        if ours != theirs:
            raise _not_comparable(f"{what} is {ours!r}", repr(theirs), "")
    candidate, champion = candidate.canonical(), champion.canonical()
    kinds = candidate.keys.dtype, champion.keys.dtype
    if kinds[0].kind != kinds[1].kind:
        raise _not_comparable(f"keys are {kinds[0]}", kinds[1], "evaluate both with the same data.key")
    n = len(candidate)
    _, keys = np.unique(np.concatenate([candidate.keys, champion.keys]), return_inverse=True)
    values, truths = np.unique(np.concatenate([candidate.truth, champion.truth]), return_inverse=True)
    pairs = keys * len(values) + truths
    numbered = np.concatenate([_occurrence(pairs[:n]), _occurrence(pairs[n:])])
    rows = pairs * (numbered.max(initial=0) + 1) + numbered
    _, ours, theirs = np.intersect1d(rows[:n], rows[n:], assume_unique=True, return_indices=True)
    order = np.argsort(ours)
    ours, theirs = ours[order], theirs[order]

    left, champion_left = np.delete(np.arange(n), ours), np.delete(np.arange(len(champion)), theirs)
    _, i, j = np.intersect1d(keys[:n][left], keys[n:][champion_left], return_indices=True)
    if len(i):
        here, there = left[i[0]], champion_left[j[0]]
        truth, other = candidate.names(candidate.truth)[here], champion.names(champion.truth)[there]
        here = f"the truth of row {candidate.keys[here]} is {truth}"
        fix = f"evaluate both on the same data ({len(i)} keys differ so)"
        raise _not_comparable(here, other, fix)
    return Aligned(candidate.take(ours), champion.take(theirs), len(left), len(champion_left))


def _not_comparable(here: str, there: object, fix: str) -> LastroError:
    problem = f"predictions cannot be compared: {here} here and {there} in the champion's"
    return LastroError(problem, fix=fix)


def _occurrence(pairs: np.ndarray) -> np.ndarray:
    """(n,) sorted by key and truth: for each row, how many equal ones come before it."""
    starts = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]])) if len(pairs) else np.arange(0)
    return np.arange(len(pairs)) - np.repeat(starts, np.diff(np.append(starts, len(pairs))))


def _to_arrow(values: np.ndarray):
    import pyarrow as pa

    return pa.array(values.tolist(), pa.string()) if values.dtype.kind == "U" else pa.array(values)


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise LastroError(message, where="predictions")
