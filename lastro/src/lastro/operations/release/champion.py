"""The model in production, scored on the candidate's held-out rows, but for those that it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mlflow.entities import Run

from lastro.core.errors import LastroError
from lastro.core.paths import Paths
from lastro.evaluation.predictions import Predictions
from lastro.evaluation.verdict import Rule
from lastro.families import catalog
from lastro.families.protocol import Problem
from lastro.operations.registry import artifact, names
from lastro.operations.registry.client import Registry, Version
from lastro.operations.registry.restore import restore
from lastro.operations.release.candidate import Candidate
from lastro.tables.matrix import read_columns, to_matrix, to_target
from lastro.tables.schema import KEY, Schema, read_schema

RULE = "rival's rows"


@dataclass(frozen=True)
class Rival:
    """What production says of the held-out rows; None and a failed rule where no fair comparison can be made."""

    predictions: Predictions | None
    rule: Rule


def score_rival(
    registry: Registry,
    root: Path,
    version: Version,
    release: str,
    candidate: Candidate,
    data: str,
    folder: Path,
) -> Rival:
    """Score the rival's model file, downloaded from the registry, on the candidate's test rows.

    data: digest of the candidate's prepared data.

    Raises:
        LastroError: the rival's artifact is not the model it is named by.
    """
    who, bound = f"{release} (version {version.number})", candidate.params.gate.min_rows
    run = registry.run_of(version)
    fetched = artifact.fetch(run, version.tags[names.MODEL], folder / "rival")
    schema = read_schema(artifact.download(run, f"{artifact.FOLDER}/schema.json", folder / "rival"))
    lost = missing_inputs(schema, candidate.schema)
    if lost:
        return _refuse(f"{who} cannot be scored on this data: {'; '.join(lost)}")
    try:
        trained = _trained_rows(root, version, run, candidate, data, folder)
    except LastroError as error:
        return _refuse(f"it is not known which rows {who} was trained on: {error}")
    keys = candidate.predictions.keys
    left_out = int(np.isin(keys, trained).sum())
    rows = len(keys) - left_out
    counted = (
        f"{left_out} of {len(keys)} held-out rows are left out, {who} was trained on them; {rows} are left"
    )
    if rows < bound:
        fix = "hold out rows that it has not seen (new data, or the split it was made with), or lower gate.min_rows"
        return Rival(None, Rule(RULE, False, rows, bound, f"{counted}, at least {bound} are needed; {fix}"))
    predictions = _predict(fetched, schema, candidate, trained)
    return Rival(predictions, Rule(RULE, True, rows, bound, counted))


def missing_inputs(rival: Schema, data: Schema) -> list[str]:
    """What the rival reads and the data no longer has, in words."""
    columns = {column.name: column for column in data.features}
    lost = []
    for column in rival.features:
        found = columns.get(column.name)
        if found is None:
            lost.append(f"its input {column.name} is no longer in the data")
        elif (found.kind in ("category", "date") or column.kind in ("category", "date")) and (
            found.kind != column.kind
        ):
            lost.append(f"its input {column.name} was {column.kind} and is {found.kind}")
    if rival.labels != data.labels or rival.task != data.task:
        lost.append(f"it answers {_answer(rival)}, this data has {_answer(data)}")
    elif rival.target.name != data.target.name:
        # With the same answers possible, nothing else tells the two questions apart.
        lost.append(f"it answers {rival.target.name}, this data asks for {data.target.name}")
    return lost


def _answer(schema: Schema) -> str:
    return f"the classes {', '.join(map(str, schema.labels))}" if schema.labels else "a number"


def _refuse(why: str) -> Rival:
    return Rival(
        None,
        Rule(RULE, False, None, None, f'{why}; to release without a comparison: --without-champion "reason"'),
    )


def _trained_rows(
    root: Path, version: Version, run: Run, candidate: Candidate, data: str, folder: Path
) -> np.ndarray:
    """(n,) keys of the rows that the rival was fitted on or stopped by.

    Raises:
        LastroError: its data cannot be restored, or rows are named otherwise now.
    """
    # The run's data goes with the run's data.key. The version's is another where the model was trained under one key and
    # registered under another: the same model, and so the same rows held out.
    registered = version.tags.get(names.DATA)
    theirs = run.data.tags.get(names.DATA, registered)
    if theirs is None:
        raise LastroError("neither its run nor its version says which data it was trained on")
    if data in (theirs, registered):
        return np.array([], candidate.predictions.keys.dtype)
    key = candidate.params.data.key
    was = run.data.params.get("data.key", "None")
    if was != str(key):
        raise LastroError(f"data.key was {was} and is {key}, so its rows cannot be told among these")
    prepared = restore(root, theirs, folder / "rival-data", Paths.of(root).prepared)
    parts = {part: _keys(prepared / f"{part}.parquet") for part in ("train", "validation", "test")}
    trained = np.concatenate([parts["train"], parts["validation"]])
    then, now = _kind(trained), _kind(candidate.predictions.keys)
    if then != now:
        raise LastroError(
            f"rows were named by {then} then and by {now} now, so its rows cannot be told among these"
        )
    everything = np.concatenate([trained, parts["test"]])
    ours = np.concatenate(
        [_keys(candidate.prepared / f"{part}.parquet") for part in ("train", "validation", "test")]
    )
    if key is None and not np.isin(ours, everything).any():
        raise LastroError(
            "no row of its data is in this data: a row is named by its content, and a column that came or "
            "went renames all",
            fix="set data.key",
        )
    return trained


def _keys(path: Path) -> np.ndarray:
    """(n,) as Predictions holds them: of texts that are Python objects NumPy would compare each with each."""
    keys = read_columns(path, [KEY])[KEY].to_numpy()
    return keys if keys.dtype.kind in "iu" else keys.astype(np.str_)


def _kind(keys: np.ndarray) -> str:
    return str(keys.dtype) if keys.dtype.kind in "iu" else "text"


def _predict(
    fetched: artifact.Artifact, schema: Schema, candidate: Candidate, trained: np.ndarray
) -> Predictions:
    """The rival's answers to the held-out rows that it was not trained on."""
    family = catalog.get(fetched.family)
    path = candidate.prepared / "test.parquet"
    inputs = (column.name for column in schema.features)
    table = read_columns(path, list(dict.fromkeys([KEY, candidate.schema.target.name, *inputs])))
    everything = Predictions(
        task=candidate.schema.task,
        labels=candidate.schema.labels,
        keys=table[KEY].to_numpy(),
        truth=to_target(table, candidate.schema),
        scores=family.predict(
            family.from_bytes(fetched.file.read_bytes()), to_matrix(table, schema), Problem.of(schema)
        ),
    )
    return everything.take(~np.isin(everything.keys, trained))
