"""Read a source as it is: CSV, Parquet, or a folder of Parquet parts."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lastro.artifact.text import delimiter_of
from lastro.core.errors import LastroError

INDEX = re.compile(r"__index_level_\d+__")


@dataclass(frozen=True)
class Source:
    """A table and where its rows come from.

    Attributes:
        parts: (name, rows) of each file, in the order of the table's rows.
        delimiter: what stands between the cells of a CSV, whose cells are texts; empty where the source is typed.
    """

    name: str
    table: pa.Table
    parts: tuple[tuple[str, int], ...]
    delimiter: str = ""

    @property
    def typed(self) -> bool:
        """Tell whether the source itself says what its columns are, as Parquet does."""
        return not self.delimiter

    @property
    def header(self) -> str:
        """Name the source with what its columns were told apart by."""
        return f"{self.name} (delimiter {self.delimiter!r})" if self.delimiter else self.name

    def at(self, row: int) -> str:
        """Name a 0-based row of the table as 'FILE: row N'; N counts from 1, the header not included."""
        for name, rows in self.parts:
            if row < rows:
                return f"{name}: row {row + 1}"
            row -= rows
        raise IndexError(row)

    def error(self, row: int | None, problem: str, fix: str = "") -> LastroError:
        """Make the error about a row; about the whole source where it is None."""
        return LastroError(problem, where=self.name if row is None else self.at(row), fix=fix)


def read_source(source: str, root: Path) -> Source:
    """Read `data.source`; relative paths are relative to `root`. The cells of a CSV stay the texts that they are.

    Raises:
        LastroError: unknown, missing, empty or unreadable source; repeated or empty column names.
    """
    try:
        read = _read_path(source, root / source)
    except PermissionError as error:
        raise LastroError(
            f"may not be read ({error.strerror}: {error.filename})",
            where=f"data.source: {source}",
            fix="let this user read it: chmod",
        ) from None
    _check_names(read)
    if read.table.num_rows == 0:
        raise LastroError("has no rows", where=source, fix="expected a header and at least one row")
    return read


def _read_path(source: str, path: Path) -> Source:
    if path.is_dir():
        return _read_folder(source, path)
    if not path.is_file():
        raise LastroError(
            "no such file or folder",
            where=f"data.source: {source}",
            fix=(
                "expected a .csv or .parquet file, or a folder of .parquet files (dvc pull brings what DVC "
                "tracks)"
            ),
        )
    if path.suffix == ".parquet":
        table = _read_parquet(source, path)
        return Source(source, table, ((source, table.num_rows),))
    if path.suffix in (".csv", ".tsv", ".txt"):
        return _read_csv(source, path)
    raise LastroError("expected a name that ends in .csv or .parquet", where=f"data.source: {source}")


def _read_parquet(name: str, path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        # Arrow's own PermissionError does not name the file.
        path.open("rb").close()
        table = pq.ParquetFile(path).read()
    except PermissionError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise LastroError(
            f"is not a Parquet file ({_first_line(error)})", where=name, fix="write it again"
        ) from None
    # The numbers of the rows, which pandas writes beside the table: no feature, and often a leak.
    return table.drop_columns([name for name in table.column_names if INDEX.fullmatch(name)])


def _read_folder(source: str, path: Path) -> Source:
    # Not Path.rglob, which passes over folders that may not be read: half a table is worse than none.
    found = (Path(folder) / name for folder, _, names in os.walk(path, onerror=_raise) for name in names)
    files = sorted(
        file
        for file in found
        # Arrow, Spark and Dask pass over such names too: temporary files, checkpoints, logs.
        if file.suffix == ".parquet" and not any(part[0] in "._" for part in file.relative_to(path).parts)
    )
    if not files:
        raise LastroError("this folder holds no .parquet file", where=f"data.source: {source}")
    for file in files:
        for part in file.relative_to(path).parts[:-1]:
            if "=" in part:
                raise LastroError(
                    f"the folder {part} holds a column in its name, which is not read",
                    where=source,
                    fix="write it as a column of the parts",
                )
    tables = [(str(Path(source) / f.relative_to(path)), f) for f in files]
    read = [(name, _decoded(_read_parquet(name, file))) for name, file in tables]
    first_name, first = read[0]
    found: dict[str, tuple[pa.DataType, str]] = {}  # of each column, and the first part that has values in it
    for name, part in read:
        _check_names(Source(name, part, ()))
        if set(part.column_names) != set(first.column_names):
            odd = sorted(set(part.column_names) ^ set(first.column_names))[0]
            raise LastroError(
                f"column {odd!r} stands in only one of this part and {first_name}",
                where=name,
                fix="every part needs the same columns",
            )
        for column in part.column_names:
            here = part.schema.field(column).type
            if pa.types.is_null(here):
                continue
            there, where = found.setdefault(column, (here, name))
            if _family(here) != _family(there):
                raise LastroError(
                    f"column {column!r}: row 1 is {here}, expected {there} as in {where}",
                    where=name,
                    fix="write the parts alike",
                )
    table = pa.concat_tables(
        [part.select(first.column_names) for _, part in read], promote_options="permissive"
    )
    return Source(source, table, tuple((name, part.num_rows) for name, part in read))


def _decoded(part: pa.Table) -> pa.Table:
    """Dictionaries as the values that they stand for: parts differ in how they hold a column, and Arrow joins like to like."""
    for index, field in enumerate(part.schema):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        kind = pa.string() if pa.types.is_string_view(kind) else kind
        if kind != field.type:
            part = part.set_column(index, field.name, part.column(index).cast(kind))
    return part


def _raise(error: OSError) -> None:
    raise error


def _family(kind: pa.DataType) -> str:
    """Types that may be joined without changing what a column means."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "number"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    return str(kind)


def _read_csv(name: str, path: Path) -> Source:
    import pyarrow.csv as pc

    size = path.stat().st_size
    if size == 0:
        raise LastroError("is empty", where=name, fix="expected a header and at least one row")
    if size >= 2**31:
        raise LastroError(
            "CSV files end at 2 GiB", where=name, fix="write it as Parquet, which is also read faster"
        )
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        delimiter = delimiter_of(file.read(2**20))
        file.seek(0)
        header = next(csv.reader(file, delimiter=delimiter), [])
    try:
        "".join(header).encode()
    except UnicodeEncodeError:
        raise LastroError("the header is not UTF-8 text", where=name, fix="save the file as UTF-8") from None
    read = pc.ReadOptions(block_size=size + 1)
    parse = pc.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    # As bytes: what is no UTF-8 can then be named by row and column.
    convert = pc.ConvertOptions(
        null_values=[], strings_can_be_null=False, column_types={column: pa.binary() for column in header}
    )
    try:
        try:
            table = pc.read_csv(path, read, parse, convert)
        except pa.ArrowException:
            # Only the serial reader counts rows, and a message should name one.
            read.use_threads = False
            table = pc.read_csv(path, read, parse, convert)
    except pa.ArrowException as error:
        raise LastroError(
            f"is not a table with {delimiter!r} between the cells ({_first_line(error)})",
            where=name,
            fix="expected UTF-8 text, one header, and as many cells in every row (row numbers here count the header)",
        ) from None
    return Source(name, table, ((name, table.num_rows),), delimiter)


def _check_names(source: Source) -> None:
    names = source.table.column_names
    for name, count in Counter(names).items():
        if count > 1:
            problem = f"the header names column {name!r} twice or more"
            raise LastroError(problem, where=source.header, fix="give each column its own name")
        if not name.strip():
            problem = f"column {names.index(name) + 1} has no name"
            raise LastroError(
                problem,
                where=source.header,
                fix="name it in the header; an index that pandas saved is left out by index=False",
            )
        if name == "__key__":
            problem = "the column name __key__ is taken by the row key"
            raise LastroError(problem, where=source.header, fix="rename it")


def shorten(value: object) -> str:
    """Cut a cell to its first 60 characters, for messages."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


class LeaveOut(str):
    """The fix that leaves a column out, as a line of params.yaml; `column` is its name, for who has no such file yet."""

    column: str


def leave_out(name: str) -> LeaveOut:
    """Write the line of params.yaml that leaves a column out."""
    fix = LeaveOut(f"leave it out: data.ignore: [{json.dumps(name, ensure_ascii=False)}]")
    fix.column = name
    return fix


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
