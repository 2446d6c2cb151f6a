"""Compare the model in production with the rows that the source has gained since it was trained.

How far a column has moved. Numbers: the two-sample Kolmogorov-Smirnov statistic, the largest difference of the two
distribution functions. Categories: the total variation distance, half the sum of the differences in share, with the
chi-squared test of homogeneity. Both lie between 0 and 1 and do not grow with the number of rows, so one limit serves for
all columns. A library for drift would bring a platform of its own for what are two functions.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from scipy import stats

from lastro.core.errors import LastroError
from lastro.core.markdown import code, table
from lastro.core.metric_names import METRICS, resolve
from lastro.core.params import Params
from lastro.core.paths import Paths
from lastro.evaluation.metrics import Resampled, compute
from lastro.evaluation.predictions import Predictions
from lastro.evaluation.text import number
from lastro.families.catalog import load_params
from lastro.operations.registry import artifact, names
from lastro.operations.registry.artifact import restore
from lastro.operations.registry.client import Registry, Version
from lastro.operations.release.champion import fetch_model, in_production, missing_inputs
from lastro.operations.report.content import Number, Strict, Text
from lastro.tables.matrix import read_columns
from lastro.tables.prepare import prepare
from lastro.tables.schema import KEY, read_schema
from lastro.tables.schema import Column as Described

MARKER = "<!-- lastro drift -->"
MAXIMUM_COLUMNS = 50
"""Columns that are shown."""
PARTS = ("train", "validation", "test")
CHANCE = 0.01
"""Probability of a false alarm over all columns together (Bonferroni)."""
MISSING = "\0"
"""Stands for a missing text: no text of a table can be just this."""


class Column(Strict):
    """One column, the target included."""

    name: Text
    kind: Text
    distance: float
    p: float
    missing_before: float
    missing_now: float
    beyond: bool


class Drift(Strict):
    """Against the model in production. not_compared: there was nothing to compare; then nothing else is set.

    drop: by how much the primary metric is worse than at the release; low, high: its 95 % interval now.
    """

    version: int = 1
    model_name: Text
    release: Text = ""
    rows: int = 0
    not_compared: Text | None = None
    metric: Text = ""
    at_release: Number = None
    now: Number = None
    low: Number = None
    high: Number = None
    drop: Number = None
    worse: bool = False
    columns: list[Column] = Field(default_factory=list, max_length=2000)
    distance_limit: float = 0
    drop_limit: float = 0

    @property
    def drifted(self) -> bool:
        """Whether a limit is exceeded."""
        return self.worse or any(column.beyond for column in self.columns)


def watch(registry: Registry, root: Path) -> Drift:
    """Compare the newest data with production's; source and limits are those of the working tree's params.yaml.

    Raises:
        LastroError: production's model or data cannot be restored; the newest data does not fit the schema, or that model.
    """
    params = load_params(Paths.of(root).params)
    current = in_production(registry, registry.snapshot())
    if current is None:
        return Drift(model_name=params.name, not_compared="nothing is in production")
    version, entry = current
    with tempfile.TemporaryDirectory(prefix="lastro-drift-") as name:
        newest = Paths(root, Path(name) / "newest")
        prepare(params, newest)
        return _compare(registry, newest, params, version, entry.release, Path(name))


def _compare(
    registry: Registry, newest: Paths, params: Params, version: Version, release: str, folder: Path
) -> Drift:
    run, limits = registry.run_of(version), params.drift
    found = Drift(
        model_name=params.name, release=release, distance_limit=limits.distance, drop_limit=limits.drop
    )
    model = fetch_model(run, version, folder / "model")
    schema = model.schema
    before = restore(newest.root, version.tags[names.DATA], folder / "before", Paths.of(newest.root).prepared)
    lost = missing_inputs(schema, read_schema(newest.schema))
    if lost:
        problem = f"cannot be scored on the newest data: {'; '.join(lost)}"
        raise LastroError(problem, where=release, fix="release a new model")
    described = (*schema.features, schema.target)
    wanted = list(dict.fromkeys([KEY, *(column.name for column in described)]))
    now = _rows(newest.prepared, wanted)
    fresh = now.filter(pc.invert(pc.is_in(now[KEY], value_set=_rows(before, [KEY])[KEY].combine_chunks())))
    if len(fresh) < limits.min_rows:
        why = f"{len(fresh)} new rows since {release}, at least {limits.min_rows} are needed"
        return found.model_copy(update={"not_compared": why})
    trained = _rows(before, wanted, PARTS[:1])
    columns = [
        _moved(column, trained[column.name], fresh[column.name], limits.distance, len(described))
        for column in described
    ]
    recorded = Predictions.read(artifact.download(run, "evaluation/predictions.parquet", folder / "run"))
    columns.sort(key=lambda each: -each.distance)
    measured = _measured(params, recorded, model.predict(fresh, schema))
    return found.model_copy(update={"rows": len(fresh), "columns": columns, **measured})


def _rows(folder: Path, wanted: list[str], parts: tuple[str, ...] = PARTS) -> pa.Table:
    return pa.concat_tables(read_columns(folder / f"{part}.parquet", wanted) for part in parts)


class Distance(NamedTuple):
    """How far a column has moved, 0 to 1, and the probability of one as large by chance."""

    distance: float
    p: float

    def beyond(self, limit: float, columns: int) -> bool:
        """Return whether it exceeds the limit, and not by chance among that many columns."""
        return self.distance > limit and self.p < CHANCE / columns


def numbers(before: np.ndarray, now: np.ndarray) -> Distance:
    """Compare (n,) and (m,) floats, NaN for missing; by the share of missing values where that moved further."""
    gone = np.isnan(before), np.isnan(now)
    by_missing = categories(*gone)
    here, there = before[~gone[0]], now[~gone[1]]
    if not len(here) or not len(there):
        return by_missing
    found = stats.ks_2samp(here, there)
    by_value = Distance(float(found.statistic), float(found.pvalue))
    return by_value if by_missing.distance <= by_value.distance else by_missing


def categories(before: np.ndarray, now: np.ndarray) -> Distance:
    """Compare (n,) and (m,) values of any kind; a missing one is a value too."""
    values, places = np.unique(np.concatenate([before, now]), return_inverse=True)
    parts = places[: len(before)], places[len(before) :]
    counts = np.stack([np.bincount(part, minlength=len(values)) for part in parts])
    shares = counts / counts.sum(axis=1, keepdims=True)
    p = 1.0 if len(values) < 2 else float(stats.chi2_contingency(counts, correction=False).pvalue)
    return Distance(float(np.abs(shares[0] - shares[1]).sum() / 2), p)


def _moved(
    column: Described, before: pa.ChunkedArray, now: pa.ChunkedArray, limit: float, columns: int
) -> Column:
    if column.kind in ("category", "boolean"):
        kind, compare = "category", categories
        parts = [part.cast(pa.string()) for part in (before, now)]
        missing = [part.null_count / len(part) for part in parts]
        values = [pc.fill_null(part, MISSING).to_numpy().astype(np.str_) for part in parts]
    else:
        kind, compare = "number", numbers
        parts = [part.cast(pa.int64()) if column.kind == "date" else part for part in (before, now)]
        values = [part.cast(pa.float64(), safe=False).to_numpy() for part in parts]
        missing = [float(np.isnan(part).mean()) for part in values]
    found = compare(*values)
    return Column(
        name=column.name,
        kind=kind,
        **found._asdict(),
        missing_before=missing[0],
        missing_now=missing[1],
        beyond=found.beyond(limit, columns),
    )


def _measured(params: Params, recorded: Predictions, predicted: Predictions) -> dict[str, Any]:
    """Measure the primary metric at the release and now; worse: beyond the limit, and not by chance."""
    metric = resolve(params.gate.metric, predicted.task, len(predicted.labels))
    then = compute(recorded, [metric])[metric]
    again = Resampled.of(predicted, params.evaluation, [metric])
    now, (low, high) = again.values[metric], again.interval(metric)
    if not np.isfinite([then, now, low, high]).all():
        # A single class among the new rows, for example: there is nothing to be said.
        return {"metric": metric, "at_release": then if np.isfinite(then) else None}
    measured = {"metric": metric, "at_release": then, "now": now, "low": low, "high": high}
    drop, chance = METRICS[metric].sign * (then - now), low <= then <= high
    return measured | {"drop": drop, "worse": drop > params.drift.drop and not chance}


def render(found: Drift) -> str:
    """Render the findings as Markdown that begins with the marker."""
    if found.not_compared is not None:
        return f"{MARKER}\n## Not compared\n\n{code(found.not_compared)}\n"
    state = "⚠️ the data has moved away from" if found.drifted else "✅ the data still fits"
    parts = [
        MARKER,
        f"## {state} {code(found.model_name, 80)} {code(found.release, 40)}",
        f"{found.rows} rows are new since it was trained.",
        _metric(found),
        _columns(found),
    ]
    if found.drifted:
        parts.append(
            "**Next:** look at the columns above; where the data is right, merge the pull request that retrains, or change "
            "`params.yaml`. The limits are those of `drift` in `params.yaml`."
        )
    return "\n\n".join(parts) + "\n"


def _metric(found: Drift) -> str:
    if found.now is None:
        return f"{code(found.metric, 60)} cannot be computed on the new rows."
    mark = "⚠️" if found.worse else "✅"
    return (
        f"{mark} {code(found.metric, 60)}: {number(found.at_release)} at the release, {number(found.now)} "
        f"({number(found.low)} to {number(found.high)}) on the new rows; {number(found.drop_limit)} worse is allowed."
    )


def _columns(found: Drift) -> str:
    rows = [
        [
            f"{'⚠️ ' if column.beyond else ''}{code(column.name, 60)}",
            number(column.distance),
            number(found.distance_limit),
            f"{column.missing_before:.1%}",
            f"{column.missing_now:.1%}",
        ]
        for column in found.columns[:MAXIMUM_COLUMNS]
    ]
    more = len(found.columns) - MAXIMUM_COLUMNS
    shown = table(["column", "moved by", "limit", "missing before", "missing now"], rows)
    return shown + (f"\n\nAnd {more} that moved less." if more > 0 else "")
