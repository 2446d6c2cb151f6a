"""Score the model in production on the candidate's held-out rows that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mlflow.entities import Run

from lastro.core.errors import LastroError
from lastro.core.paths import Paths
from lastro.evaluation.gate import Rule
from lastro.evaluation.predictions import Predictions
from lastro.families import catalog
from lastro.families.protocol import Problem
from lastro.operations.registry import artifact, names
from lastro.operations.registry.artifact import restore
from lastro.operations.registry.client import Registry, Version
from lastro.operations.release.candidate import Candidate
from lastro.tables.matrix import read_columns, to_matrix, to_target
from lastro.tables.schema import KEY, Schema, read_schema

RULE = "champion's rows"


@dataclass(frozen=True)
class ChampionScore:
    """The champion's predictions of the held-out rows; None and a failed rule if no fair comparison is possible."""

    predictions: Predictions | None
    rule: Rule


def score_champion(
    registry: Registry,
    root: Path,
    version: Version,
    release: str,
    candidate: Candidate,
    data: str,
    folder: Path,
) -> ChampionScore:
    """Score the champion's model from the registry on the candidate's test rows.

    data: digest of the candidate's prepared data.

    Raises:
        LastroError: the champion's artifact has another digest.
    """
    who, bound = f"{release} (version {version.number})", candidate.params.gate.min_rows
    run = registry.run_of(version)
    fetched = artifact.fetch(run, version.tags[names.MODEL], folder / "champion")
    schema = read_schema(artifact.download(run, f"{artifact.FOLDER}/schema.json", folder / "champion"))
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
        return ChampionScore(
            None, Rule(RULE, False, rows, bound, f"{counted}, at least {bound} are needed; {fix}")
        )
    predictions = _predict(fetched, schema, candidate, trained)
    return ChampionScore(predictions, Rule(RULE, True, rows, bound, counted))


def missing_inputs(champion: Schema, data: Schema) -> list[str]:
    """Say which inputs or classes of the champion the data lacks."""
    columns = {column.name: column for column in data.features}
    lost = []
    for column in champion.features:
        found = columns.get(column.name)
        if found is None:
            lost.append(f"its input {column.name} is no longer in the data")
        elif (found.kind in ("category", "date") or column.kind in ("category", "date")) and (
            found.kind != column.kind
        ):
            lost.append(f"its input {column.name} was {column.kind} and is {found.kind}")
    if champion.labels != data.labels or champion.task != data.task:
        lost.append(f"it answers {_answer(champion)}, this data has {_answer(data)}")
    elif champion.target.name != data.target.name:
        # With the same classes, only the target's name differs.
        lost.append(f"it answers {champion.target.name}, this data asks for {data.target.name}")
    return lost


def _answer(schema: Schema) -> str:
    return f"the classes {', '.join(map(str, schema.labels))}" if schema.labels else "a number"


def _refuse(why: str) -> ChampionScore:
    return ChampionScore(
        None,
        Rule(RULE, False, None, None, f'{why}; to release without a comparison: --without-champion "reason"'),
    )


def _trained_rows(
    root: Path, version: Version, run: Run, candidate: Candidate, data: str, folder: Path
) -> np.ndarray:
    """Return the (n,) keys of the rows that the champion was fitted on or stopped by.

    Raises:
        LastroError: its data cannot be restored, or its rows have other keys now.
    """
    # The run's data has the run's data.key. The version's data is another if the model was registered under another key:
    # the same model, and so the same rows held out.
    registered = version.tags.get(names.DATA)
    digest = run.data.tags.get(names.DATA, registered)
    if digest is None:
        raise LastroError("neither its run nor its version says which data it was trained on")
    if data in (digest, registered):
        return np.array([], candidate.predictions.keys.dtype)
    key = candidate.params.data.key
    was = run.data.params.get("data.key", "None")
    if was != str(key):
        raise LastroError(f"data.key was {was} and is {key}, so its rows cannot be found among these")
    prepared = restore(root, digest, folder / "champion-data", Paths.of(root).prepared)
    theirs, ours = (_keys_of_parts(folder) for folder in (prepared, candidate.prepared))
    trained = np.concatenate([theirs["train"], theirs["validation"]])
    then, now = _kind(trained), _kind(candidate.predictions.keys)
    if then != now:
        raise LastroError(
            f"row keys were {then} then and are {now} now, so its rows cannot be found among these"
        )
    if key is None and not np.isin(*(np.concatenate(list(parts.values())) for parts in (ours, theirs))).any():
        raise LastroError(
            "no row of its data is in this data: a row is named by its content, and a column that came or "
            "went renames all",
            fix="set data.key",
        )
    return trained


def _keys_of_parts(prepared: Path) -> dict[str, np.ndarray]:
    """Return the (n,) keys of each part as Predictions holds them: NumPy is slow on texts that are Python objects."""
    found = {}
    for part in ("train", "validation", "test"):
        keys = read_columns(prepared / f"{part}.parquet", [KEY])[KEY].to_numpy()
        found[part] = keys if keys.dtype.kind in "iu" else keys.astype(np.str_)
    return found


def _kind(keys: np.ndarray) -> str:
    return str(keys.dtype) if keys.dtype.kind in "iu" else "text"


def _predict(
    fetched: artifact.Artifact, schema: Schema, candidate: Candidate, trained: np.ndarray
) -> Predictions:
    """Return the champion's predictions of the held-out rows that it was not trained on."""
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
