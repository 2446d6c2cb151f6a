"""Stage 1: read the source, hold it against the schema, split it.

data.source, params.yaml (data, evaluation.slices), data/schema.json  ->  data/prepared/
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lastro.artifact.columns import LARGEST
from lastro.core.errors import LastroError, did_you_mean
from lastro.core.metric_names import check_gate
from lastro.core.params import Data, Params
from lastro.core.paths import Paths
from lastro.tables.cells import NUMBERS, convert, kind_of, read_columns
from lastro.tables.check import check_against
from lastro.tables.infer import infer_schema
from lastro.tables.keys import hash_column, hash_rows
from lastro.tables.matrix import to_target
from lastro.tables.schema import KEY, Schema, read_optional_schema
from lastro.tables.sources import Source, leave_out, read_source, shorten
from lastro.tables.split import (
    TEST,
    TRAIN,
    VALIDATION,
    TooFewRowsError,
    split_by_content,
    split_by_group,
    split_by_time,
)

INDEX_NAMES = re.compile(
    r"unnamed: \d+.*|index|level_\d+|row ?_?(names?|numbers?|nr|no|num|index)", re.IGNORECASE
)
"""What pandas, R and others name the numbers of the rows that they write beside a table."""


def prepare(params: Params, paths: Paths) -> None:
    """Write train, validation and test rows as Parquet, and the schema, to `paths.prepared`.

    Each row carries its key (`__key__`), the features, the target, and the slice columns.

    Raises:
        LastroError: what is wrong with the source, by file, column and first offending row. Nothing that was
            there is touched then.
    """
    data = params.data
    committed = read_optional_schema(paths.committed_schema)
    known = {c.name: c for c in (*committed.features, committed.target)} if committed else {}
    source = read_source(data.source, paths.root)
    features = choose_features(source, data)
    extras = [c for c in named_columns(params) if c not in features and c != data.target]
    check_names(source, params)
    # Every column counts in the content of a row, also the ignored ones: ignoring a column must not rename the rows.
    written = {name for name in (data.key, data.split.group) if name}

    def read(names: Iterable[str]) -> Source:
        return read_columns(source, names, known, data.columns, written)

    source = read(_readable(read, source, [*features, data.target, *extras]))
    refuse_missing(source, data.target, "target")
    refuse_out_of_range(source, features)

    if committed:
        source, schema = check_against(source, features, committed, data)
    else:
        refuse_row_counters(source, features, data)
        schema = infer_schema(source, features, data)
    check_gate(params.gate.metric, params.gate.limits, schema.task, len(schema.labels))
    content = [column.name for column in schema.features] + [data.target]
    everything, content = hash_rows(source.table, source.table.column_names, content)
    parts = split_rows(source, schema, params, content)
    keys = pa.chunked_array([everything]) if data.key is None else named_keys(source, data.key)
    columns = list(dict.fromkeys([*features, data.target, *params.evaluation.slices]))
    write_parts(source.table.select(columns).add_column(0, KEY, keys), parts, schema, paths.prepared)


def choose_features(source: Source, data: Data) -> list[str]:
    """Choose all columns but the target, the ignored, the key and the group."""
    left_out = {data.target, data.key, data.split.group, *data.ignore}
    features = [name for name in source.table.column_names if name not in left_out]
    if not features:
        fix = "expected at least one that data.ignore spares"
        raise LastroError("no feature column is left", where=source.header, fix=fix)
    return features


def named_columns(params: Params) -> list[str]:
    """List the columns that params name for another purpose than predicting."""
    split = params.data.split
    named = [params.data.key, split.group, split.time, *params.evaluation.slices]
    return list(dict.fromkeys(name for name in named if name))


def check_names(source: Source, params: Params) -> None:
    """Refuse a column that params name and the source lacks."""
    data = params.data
    named = {
        "data.target": [data.target],
        "data.ignore": data.ignore,
        "data.columns": data.columns,
        "data.key": [data.key],
        "data.split.group": [data.split.group],
        "data.split.time": [data.split.time],
        "evaluation.slices": params.evaluation.slices,
    }
    columns = source.table.column_names
    if data.target in data.ignore:
        raise LastroError(
            f"{data.target!r} is the target", where="params.yaml: data.ignore", fix="take it out of the list"
        )
    for key, names in named.items():
        for name in names:
            if name is not None and name not in columns:
                shown = ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
                fix = f"{did_you_mean(name, columns)}expected one of: {shown}"
                raise LastroError(f"no column {name!r}", where=f"{source.header}: {key}", fix=fix)


def _readable(read: Callable[[list[str]], Source], source: Source, needed: list[str]) -> list[str]:
    """The needed columns, and of the others those that can be read; an ignored column may hold anything."""
    readable = list(needed)
    for name in source.table.column_names:
        if name not in needed:
            with suppress(LastroError):
                read([name])
                readable.append(name)
    return readable


def refuse_out_of_range(source: Source, features: list[str]) -> None:
    """Refuse a number that is infinite to the libraries, as the scoring app does."""
    for name in features:
        array = source.table[name]
        if kind_of(array) in NUMBERS:
            row = pc.index(pc.greater(pc.abs(array.cast(pa.float64(), safe=False)), LARGEST), True).as_py()
            if row >= 0:
                problem = f"column {name!r} is {array[row].as_py()!r}, out of range"
                fix = f"expected a number between -{LARGEST:.3g} and {LARGEST:.3g}"
                raise source.error(row, problem, fix)


def refuse_row_counters(source: Source, features: list[str], data: Data) -> None:
    """Refuse a feature that only counts the rows and is named like an index; warn of one that is not."""
    for name in features:
        array = source.table[name]
        if kind_of(array) != "integer" or array.null_count or name == data.split.time or len(array) < 3:
            continue
        low, high = pc.min_max(array).as_py().values()
        counts = low in (0, 1) and high - low == len(array) - 1
        if counts and pc.count_distinct(array).as_py() == len(array):
            problem = f"column {name!r} only counts the rows, and no later row has such a number"
            if INDEX_NAMES.fullmatch(name):
                raise source.error(None, problem, leave_out(name))
            print(f"warning: {source.name}: {problem}; {leave_out(name)}", file=sys.stderr)


def refuse_missing(source: Source, name: str, role: str) -> None:
    """Refuse a column with a missing value."""
    array = source.table[name]
    if array.null_count:
        row = pc.index(pc.is_null(array), True).as_py()
        fix = "expected a value in every row: fill it or drop the row"
        raise source.error(row, f"{role} column {name!r} is empty", fix)


def named_keys(source: Source, name: str) -> pa.ChunkedArray:
    """Return the key column; a key that is missing or repeated is a LastroError."""
    refuse_missing(source, name, "key")
    array = source.table[name]
    if pc.count_distinct(array).as_py() < len(array):
        seen = set()
        for row, value in enumerate(array.to_pylist()):
            if value in seen:
                fix = "expected a key to name one row: choose another data.key, or null"
                raise source.error(row, f"key column {name!r} repeats {value!r}", fix)
            seen.add(value)
    return array


def split_rows(source: Source, schema: Schema, params: Params, content: np.ndarray) -> np.ndarray:
    """Decide each row's part, (n,) int8; see `lastro.tables.split`.

    Args:
        content: (n,) uint64 hash of what the model sees of a row. A key tells rows apart that are equal to the
            model; such rows must stay together, so the key has no part in it.

    Raises:
        LastroError: too few rows, groups or times; a class that no row is left to learn from.
    """
    split = params.data.split
    classes = to_target(source.table, schema) if schema.task == "classification" else None
    try:
        if split.group:
            refuse_missing(source, split.group, "group")
            parts = split_by_group(hash_column(source.table[split.group], split.group), split)
        elif split.time:
            refuse_missing(source, split.time, "time")
            parts = split_by_time(_as_time(source, split.time), split)
        else:
            parts = split_by_content(content, split, classes)
    except TooFewRowsError as error:
        what = error.what
        if error.stratum is not None:
            what = f"distinct rows of class {schema.labels[error.stratum]!r}"
        fix = f"a split into train, validation and test needs at least {error.needed}: add rows"
        raise source.error(error.row, f"{error.found} {what} in the whole of {source.name}", fix) from None
    if classes is not None:
        unlearnt = np.setdiff1d(classes, classes[parts == TRAIN])
        if len(unlearnt):
            row = int(np.argmax(classes == unlearnt[0]))
            problem = f"class {schema.labels[unlearnt[0]]!r} has no row in the train part"
            raise source.error(row, problem, "expected every class there: choose another data.split")
    return parts


def _as_time(source: Source, name: str) -> np.ndarray:
    array = source.table[name]
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    elif not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        row = max(0, convert(array, "date")[1]) if kind_of(array) == "category" else 0
        problem = f"data.split.time: column {name!r} is {shorten(array[row].as_py())}"
        raise source.error(row, problem, "expected dates (2026-01-31) or numbers")
    return array.to_numpy()


def write_parts(table: pa.Table, parts: np.ndarray, schema: Schema, folder: Path) -> None:
    """Write the three files and the schema beside `folder`, then put them in its place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".prepared-", dir=folder.parent))
    try:
        for part, name in ((TRAIN, "train"), (VALIDATION, "validation"), (TEST, "test")):
            rows = table.filter(pa.array(parts == part))
            # Random decimals do not compress: a dictionary would cost time and gain nothing.
            texts = [f.name for f in rows.schema if pa.types.is_string(f.type)]
            pq.write_table(rows, temporary / f"{name}.parquet", use_dictionary=texts, compression="lz4")
        (temporary / "schema.json").write_text(schema.to_json(), encoding="utf-8")
        temporary.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
