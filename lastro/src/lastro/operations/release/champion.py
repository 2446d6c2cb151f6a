"""Score the model in production, the champion, on the candidate's held-out rows that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from mlflow.entities import Run

from lastro.core.errors import LastroError
from lastro.core.params import Params
from lastro.core.paths import Paths
from lastro.evaluation.evaluate import read_training
from lastro.evaluation.gate import Rule
from lastro.evaluation.predictions import Predictions
from lastro.families import catalog
from lastro.families.protocol import Problem
from lastro.operations.lineage import git
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import artifact, history, names
from lastro.operations.registry.artifact import evaluation_file, restore
from lastro.operations.registry.client import Registry, Snapshot, Version
from lastro.operations.registry.history import Entry
from lastro.tables.matrix import read_columns, to_matrix, to_target
from lastro.tables.schema import KEY, Schema, read_schema

RULE = "champion's rows"


@dataclass(frozen=True)
class Candidate:
    """What the gate reads of a commit's model; `prepared` is the folder of its prepared data."""

    params: Params
    prepared: Path
    schema: Schema
    predictions: Predictions
    training: dict[str, Any]


def load_candidate(root: Path, found: Lineage, run: Run, folder: Path) -> Candidate:
    """Restore the candidate into `folder`; files of the working copy that are the commit's are used in place.

    Raises LastroError: DVC cannot restore the data or the predictions.
    """
    here = Paths.of(root)
    prepared = restore(root, found.data, folder / "prepared", here.prepared)
    (folder / "params.yaml").write_text(git.show(root, found.commit, "params.yaml"), encoding="utf-8")
    predictions = evaluation_file(root, found, run, "predictions.parquet", folder)
    return Candidate(
        params=catalog.load_params(folder / "params.yaml"),
        prepared=prepared,
        schema=read_schema(prepared / "schema.json"),
        predictions=Predictions.read(predictions),
        training=read_training(artifact.download(run, "training/training.json", folder / "run")),
    )


def in_production(registry: Registry, snapshot: Snapshot) -> tuple[Version, Entry] | None:
    """Return the version at the alias `production` and the promotion that brought it there; None if there is none.

    Raises LastroError: the alias was set by hand, so the release in production is unknown.
    """
    number = snapshot.aliases.get(names.PRODUCTION)
    version = registry.get(number) if number is not None else None
    if version is None:
        return None
    promoted = history.promotions(history.read_entries(snapshot), names.PRODUCTION)
    last = next((entry for entry in reversed(promoted) if entry.version == number), None)
    if last is None or names.MODEL not in version.tags:
        fix = f"lastro rollback --to {promoted[-1].release}" if promoted else "delete the alias"
        problem = f"is at version {number}, which was never promoted"
        raise LastroError(problem, where="alias production", fix=f"it was set by hand: {fix}")
    return version, last


@dataclass(frozen=True)
class Model:
    """A registered model, and the schema of the data that it was trained on."""

    fetched: artifact.Artifact
    schema: Schema

    def predict(self, table: pa.Table, asked: Schema) -> Predictions:
        """Predict the rows of a table, whose truth is the target of `asked`."""
        family = catalog.get(self.fetched.family)
        model = family.from_bytes(self.fetched.file.read_bytes())
        return Predictions(
            task=asked.task,
            labels=asked.labels,
            keys=table[KEY].to_numpy(),
            truth=to_target(table, asked),
            scores=family.predict(model, to_matrix(table, self.schema), Problem.of(self.schema)),
        )


def fetch_model(run: Run, version: Version, folder: Path) -> Model:
    """Download the version's model and its schema into `folder`; LastroError if it has another digest."""
    fetched = artifact.fetch(run, version.tags[names.MODEL], folder)
    return Model(fetched, read_schema(artifact.download(run, f"{artifact.FOLDER}/schema.json", folder)))


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

    data: digest of the candidate's prepared data. Raises LastroError: the champion's artifact has another digest.
    """
    who, bound = f"{release} (version {version.number})", candidate.params.gate.min_rows
    run = registry.run_of(version)
    model = fetch_model(run, version, folder / "champion")
    lost = missing_inputs(model.schema, candidate.schema)
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
        detail = f"{counted}, at least {bound} are needed; {fix}"
        return ChampionScore(None, Rule(RULE, False, detail, value=rows, bound=bound))
    inputs = [KEY, candidate.schema.target.name, *(column.name for column in model.schema.features)]
    table = read_columns(candidate.prepared / "test.parquet", list(dict.fromkeys(inputs)))
    predictions = model.predict(table, candidate.schema)
    fair = predictions.take(~np.isin(predictions.keys, trained))
    return ChampionScore(fair, Rule(RULE, True, counted, value=rows, bound=bound))


def score_production(
    registry: Registry,
    root: Path,
    candidate: Candidate,
    found: Lineage,
    folder: Path,
    without: str | None = None,
) -> tuple[Entry | None, ChampionScore]:
    """Score what is in production, and return its release; None where nothing is. without: why it is left out."""
    production = in_production(registry, registry.snapshot())
    if production is None:
        entry, why = None, "nothing is in production to compare with"
    else:
        version, entry = production
        if version.tags[names.MODEL] == found.model:
            why = f"{entry.release} in production is this very model"
        elif without:
            why = f"not compared with {entry.release}: {without}"
        else:
            return entry, score_champion(
                registry, root, version, entry.release, candidate, found.data, folder
            )
    return entry, ChampionScore(None, Rule(RULE, True, why))


def _refuse(why: str) -> ChampionScore:
    detail = f'{why}; to release without a comparison: --without-champion "reason"'
    return ChampionScore(None, Rule(RULE, False, detail))


def missing_inputs(champion: Schema, data: Schema) -> list[str]:
    """Say which inputs or classes of the champion the data lacks."""
    columns = {column.name: column for column in data.features}
    lost = []
    for column in champion.features:
        found = columns.get(column.name)
        if found is None:
            lost.append(f"its input {column.name} is no longer in the data")
        elif found.kind != column.kind and {found.kind, column.kind} & {"category", "date"}:
            lost.append(f"its input {column.name} was {column.kind} and is {found.kind}")
    if champion.labels != data.labels or champion.task != data.task:
        lost.append(f"it answers {_answer(champion)}, this data has {_answer(data)}")
    elif champion.target.name != data.target.name:
        # With the same classes, only the target's name differs.
        lost.append(f"it answers {champion.target.name}, this data asks for {data.target.name}")
    return lost


def _answer(schema: Schema) -> str:
    return f"the classes {', '.join(map(str, schema.labels))}" if schema.labels else "a number"


def _trained_rows(
    root: Path, version: Version, run: Run, candidate: Candidate, data: str, folder: Path
) -> np.ndarray:
    """Return the (n,) keys of the rows that the champion was fitted on or stopped by; LastroError if they cannot be known."""
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
    then, now = (
        str(keys.dtype) if keys.dtype.kind in "iu" else "text"
        for keys in (trained, candidate.predictions.keys)
    )
    if then != now:
        keys = f"row keys were {then} then and are {now} now"
        raise LastroError(f"{keys}, so its rows cannot be found among these")
    if key is None and not np.isin(*(np.concatenate(list(parts.values())) for parts in (ours, theirs))).any():
        why = "a row is named by its content, and a column that came or went renames all"
        raise LastroError(f"no row of its data is in this data: {why}", fix="set data.key")
    return trained


def _keys_of_parts(prepared: Path) -> dict[str, np.ndarray]:
    """Return the (n,) keys of each part as Predictions holds them: NumPy is slow on texts that are Python objects."""
    found = {}
    for part in ("train", "validation", "test"):
        keys = read_columns(prepared / f"{part}.parquet", [KEY])[KEY].to_numpy()
        found[part] = keys if keys.dtype.kind in "iu" else keys.astype(np.str_)
    return found
