"""Parquet bodies: what is read, and what is refused before it is unpacked."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import gzip
import io
import json
import subprocess
import sys
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from lastro.serving import http
from lastro.serving.bodies import PARQUET, read
from lastro.serving.columns import Columns
from lastro.serving.errors import RefusedError
from lastro.serving.http import App
from lastro.serving.model import Model
from lastro.serving.parquet_pages import walk
from lastro.serving.settings import Settings

CODECS = ["none", "snappy", "gzip", "zstd", "lz4"]
LIMIT = 64 * 2**20
MIB = 2**20


def written(content: dict | pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    table = content if isinstance(content, pa.Table) else pa.table(content)
    pq.write_table(table, sink, **({"compression": "zstd"} | options))
    return sink.getvalue()


def inputs(kind: str = "float", unseen: str = "error", name: str = "x") -> Columns:
    feature = {"name": name, "kind": kind, "nullable": True}
    if kind == "category":
        feature["categories"] = ["Porto", "Lisboa"]
    return Columns({"features": [feature], "unseen_categories": unseen})


def matrix(body: bytes, columns: Columns, most: int = 10**6, limit: int = LIMIT) -> np.ndarray:
    return np.concatenate(list(read(PARQUET, body, columns, most, limit)))


def refusal(body: bytes, columns: Columns, **options) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        matrix(body, columns, **options)
    return caught.value


# A file of one column and one page, by hand, in Thrift's compact protocol.


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def integer(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def struct(fields: dict) -> bytes:
    out, last = b"", 0
    for field, value in sorted(fields.items()):
        kind, raw = thrift(value)
        out += bytes([(field - last) << 4 | kind]) + raw
        last = field
    return out + b"\0"


def thrift(value) -> tuple[int, bytes]:
    if isinstance(value, int):
        return 6, integer(value)
    if isinstance(value, bytes):
        return 8, varint(len(value)) + value
    if isinstance(value, dict):
        return 12, struct(value)
    parts = [thrift(part) for part in value]
    # Types and encodings are integers of 32 bits; in a list their kind has to be that.
    kind = {6: 5}.get(parts[0][0], parts[0][0])
    return 9, bytes([len(parts) << 4 | kind]) + b"".join(raw for _, raw in parts)


def crafted(
    page: bytes,
    unpacked: int,
    n: int = 10,
    codec: int = 0,
    physical: int = 5,
    encoding: int = 0,
    leaf: dict | None = None,
) -> bytes:
    """physical, codec, encoding: numbers of parquet.thrift; 5 is a double, 6 a text."""
    header = struct({1: 0, 2: unpacked, 3: len(page), 5: {1: n, 2: encoding, 3: 3, 4: 3}})
    column = {1: physical, 2: [0], 3: [b"x"], 4: codec, 5: n, 6: 1, 7: len(header) + len(page), 9: 4}
    schema = [{4: b"m", 5: 1}, {1: physical, 3: 0, 4: b"x"} | (leaf or {})]
    footer = struct({1: 1, 2: schema, 3: n, 4: [{1: [{2: 4, 3: column}], 2: 9, 3: n}]})
    return b"PAR1" + header + page + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def test_a_file_by_hand_is_one():
    assert matrix(crafted(np.arange(10.0).tobytes(), 80), inputs()).ravel().tolist() == list(range(10))
    pages = walk(crafted(bytes(80), 80), LIMIT)
    assert (pages.rows, pages.unpacked, pages.widest) == (10, 80, 0)


TABLE = pa.table(
    {
        "x": [1.5, None, -2.0] * 1000,
        "__index_level_0__": ["a", "bb", None] * 1000,
    }
)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_every_kind_of_page_is_read_alike(codec, version, dictionary):
    body = written(
        TABLE, compression=codec, data_page_version=version, use_dictionary=dictionary, row_group_size=700
    )
    assert matrix(body, inputs()).ravel().tolist() == pytest.approx([1.5, np.nan, -2.0] * 1000, nan_ok=True)


def test_pages_that_cannot_be_counted_are_not_unpacked():
    with pytest.raises(RefusedError) as caught:
        matrix(written(TABLE, compression="brotli"), inputs())
    assert caught.value.kind == "bad_parquet"


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_walk_counts_what_the_writer_counts(codec, version):
    body = written(
        TABLE, compression=codec, data_page_version=version, row_group_size=700, data_page_size=500
    )
    metadata = pq.read_metadata(io.BytesIO(body))
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    # Headers are in it, some thirty bytes each.
    theirs = sum(group.column(at).total_uncompressed_size for group in groups for at in range(2))
    pages = walk(body, LIMIT)
    assert pages.unpacked <= theirs <= pages.unpacked + 150 * 2 * len(groups) * 4
    assert (pages.rows, pages.repeated) == (3000, False)


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        ("float", pa.array([1, 2], pa.float16()), [1, 2]),
        ("float", pa.array([1, 2], pa.uint64()), [1, 2]),
        ("integer", pa.array([1, 2], pa.int8()), [1, 2]),
        ("float", pa.array([1.5, 2.5]).dictionary_encode(), [1.5, 2.5]),
        ("float", pa.nulls(2), [np.nan] * 2),
        ("boolean", pa.array([True, None]), [1, np.nan]),
        ("boolean", pa.nulls(2, pa.int64()), [np.nan] * 2),
        ("category", pa.array([np.nan] * 2), [np.nan] * 2),
        ("category", pa.nulls(2, pa.string()), [np.nan] * 2),
        *(
            ("category", pa.array(["Porto", "Lisboa"]).cast(text), [0, 1])
            for text in (
                pa.string(),
                pa.large_string(),
                pa.string_view(),
                pa.dictionary(pa.int8(), pa.string()),
            )
        ),
        ("date", pa.array(["1970-01-02", "1970-01-03"]), [1, 2]),
        ("date", pa.array(["1970-01-02", "1970-01-03"]).dictionary_encode(), [1, 2]),
        ("date", pa.array([1, 2], pa.date32()), [1, 2]),
        ("date", pa.array([1, 2], pa.date32()).cast(pa.date64()), [1, 2]),
        *(
            (
                "date",
                pa.array([1, 2], pa.date32()).cast(pa.timestamp(unit)).cast(pa.timestamp(unit, zone)),
                [1, 2],
            )
            for unit in ("s", "ms", "us", "ns")
            for zone in (None, "UTC", "Europe/Lisbon")
        ),
    ],
    ids=str,
)
def test_types_that_fit(kind, cells, expected):
    found = matrix(written({"x": cells}), inputs(kind)).ravel().tolist()
    assert found == pytest.approx(expected, nan_ok=True)


TEXTS = [pa.array(["a"] * 2).cast(kind) for kind in (pa.string(), pa.large_string(), pa.string_view())]
NESTED = [
    pa.array([[1.0]] * 2),
    pa.array([[1.0]] * 2, pa.list_(pa.float64(), 1)),
    pa.array([{"a": 1}] * 2),
    pa.array([[("a", 1)]] * 2, pa.map_(pa.string(), pa.int64())),
]
BYTES = [pa.array([b"a"] * 2).cast(kind) for kind in (pa.binary(), pa.large_binary(), pa.binary(1))]
# At this one the reader would end the process.
BOOLEANS = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array([True, False]))


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        *((kind, cells) for kind in ("float", "integer", "boolean") for cells in TEXTS),
        ("float", TEXTS[0].dictionary_encode()),
        *((kind, cells) for kind in ("float", "category", "date") for cells in [*NESTED, *BYTES]),
        ("boolean", BOOLEANS),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.type),
)
def test_types_that_do_not_fit_are_refused_before_a_value(kind, cells):
    refused = refusal(written({"x": cells}), inputs(kind))
    assert (refused.kind, refused.row, refused.column) == ("wrong_type", None, "x")
    assert refused.message.startswith("column 'x': has the wrong type, expected ")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("float", True),
        ("float", decimal.Decimal("1.5")),
        ("boolean", 1),
        ("date", 1),
        ("category", 1),
        ("float", datetime.date(2024, 2, 29)),
    ],
)
def test_types_of_one_size_are_left_to_the_check_of_each_cell(kind, value):
    refused = refusal(written({"x": pa.array([None, value])}), inputs(kind))
    assert (refused.kind, refused.row, refused.column) == ("wrong_type", 1, "x")


@pytest.mark.parametrize(
    "cells", [NESTED[0], BOOLEANS, pa.array([{"a": [1]}] * 2)], ids=lambda cells: str(cells.type)
)
def test_an_index_that_cannot_be_passed_over(cells):
    body = written({"x": [1.0, 2.0], "__index_level_0__": cells})
    assert refusal(body, inputs()).kind == "bad_parquet"


MEASURE = """
import resource, sys
from lastro.serving import http
from lastro.serving.bodies import PARQUET, read
from lastro.serving.columns import Columns
from lastro.serving.errors import RefusedError
import arro3.io, json
columns, body = Columns(json.loads(sys.argv[1])), open(sys.argv[2], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    said = sum(len(block) for block in read(PARQUET, body, columns, 10**6))
except RefusedError as refusal:
    said = refusal.kind
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, said)
"""


def grown(tmp_path, body: bytes, kind: str, unseen: str = "error") -> tuple[int, str]:
    """Bytes by which a process grows that reads the body, and what comes of it."""
    (tmp_path / "body").write_bytes(body)
    feature = {"name": "x", "kind": kind, "nullable": True, "categories": ["a"]}
    schema = json.dumps({"features": [feature], "unseen_categories": unseen})
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, schema, tmp_path / "body"], capture_output=True, text=True, check=True
    )
    kilobytes, said = ran.stdout.split()
    return int(kilobytes) * 1024, said


LONG = {"x": ["a" * 1_000_000] * 100}
LONG_INDEX = {"x": [1.0] * 100, "__index_level_0__": LONG["x"]}


@pytest.mark.parametrize(
    ("content", "kind", "unseen", "said", "most"),
    [
        (LONG, "float", "error", "wrong_type", 16 * MIB),
        (LONG, "date", "error", "wrong_date", 100 * MIB),
        (LONG, "category", "error", "unknown_category", 100 * MIB),
        (LONG, "category", "missing", "100", 100 * MIB),
        (LONG_INDEX, "float", "error", "100", 100 * MIB),
    ],
)
def test_a_long_text_that_many_rows_share(tmp_path, content, kind, unseen, said, most):
    body = written(content)
    assert len(body) < 1000
    size, found = grown(tmp_path, body, kind, unseen)
    assert found == said
    assert size < most


def lies() -> list:
    def frame() -> bytes:
        return pa.compress(bytes(200_000_000), codec="lz4", asbytes=True)

    # Lengths as DELTA_BINARY_PACKED: 2**27 zeros in blocks of 2**28, four parts each, of no bits.
    lengths = varint(2**28) + varint(4) + varint(2**27) + bytes(6)
    text = {"physical": 6, "leaf": {6: 0}}
    return [
        pytest.param(lambda: crafted(gzip.compress(bytes(200_000_000)), 80, codec=2), id="gzip"),
        pytest.param(lambda: crafted(frame(), 80, codec=5), id="lz4 frame"),
        pytest.param(lambda: crafted(lengths, len(lengths), encoding=6, **text), id="lengths"),
        pytest.param(lambda: crafted(lengths * 2, 2 * len(lengths), encoding=7, **text), id="prefixes"),
        pytest.param(
            lambda: crafted(pa.compress(bytes(200_000_000), codec="zstd", asbytes=True), 80, codec=6),
            id="zstd",
        ),
    ]


@pytest.mark.parametrize("make", lies())
def test_a_page_that_does_not_say_what_it_unpacks_to(tmp_path, make):
    size, said = grown(tmp_path, make(), "category")
    assert said == "bad_parquet"
    assert size < 32 * MIB


def test_pages_of_zeros(tmp_path):
    body = written({"x": np.zeros(25_000_000)}, use_dictionary=False, row_group_size=10**8)
    assert len(body) < 200_000
    size, said = grown(tmp_path, body, "float")
    assert said == "body_too_large"
    assert size < 16 * MIB
    refused = refusal(body, inputs(), most=10**8)
    assert (refused.status, refused.message) == (413, f"the body unpacks to more than {LIMIT} bytes")


def test_the_limit_is_what_the_pages_may_take():
    body = written({"x": np.zeros(1000)}, use_dictionary=False)
    size = walk(body, LIMIT).unpacked
    assert matrix(body, inputs(), limit=size).shape == (1000, 1)
    assert refusal(body, inputs(), limit=size - 1).kind == "body_too_large"


def test_too_many_rows_are_refused_from_the_footer():
    refused = refusal(written({"x": pa.nulls(10_000, pa.float64())}), inputs(), most=9_999)
    assert (refused.status, refused.kind) == (413, "too_many_rows")


def test_a_walk_looks_at_headers_only():
    content = {f"c{index}": np.random.default_rng(index).random(100_000) for index in range(30)}
    body = written(content, compression="snappy")
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        pages = walk(body, LIMIT)
    finally:
        sys.setprofile(before)
    assert pages.unpacked > 30 * 800_000
    # A walk over the values would make one for each at least; this one goes with the number of columns and pages.
    assert calls < 3_000_000 / 10


@pytest.mark.parametrize(
    "footer",
    [
        b"",
        b"\x19" * 100,
        b"\x1c" * 100,
        b"\x1b" * 100,
        # Lists of more than there is, of no struct, in each other, and numbers without an end.
        b"\x29\xfc\xff\xff\xff\xff\x0f",
        b"\x29\x15\x02\x00",
        b"\x99" + b"\x19" * 5000,
        b"\x16" + b"\xff" * 50,
        struct({2: [{4: b"m"}], 3: 1}),
        struct({2: [{4: b"m"}], 3: 1, 4: [{1: [{3: {4: 0, 7: 2**40, 9: 4}}]}]}),
        struct({2: [{4: b"m"}, {1: 5}], 3: 1, 4: [{1: [{3: {4: 0, 7: 2**40, 9: 4}}]}]}),
        struct({2: [{4: b"m"}, {1: 5}], 3: 1, 4: [{1: [{3: {4: 0, 7: 4, 9: -4}}]}]}),
        struct({2: [{4: b"m"}, {1: 5}], 3: 1, 4: [{1: [{3: {4: 0, 7: 4, 9: 4}}]}], 8: {1: {1: b"x"}}}),
    ],
)
def test_a_bad_footer(footer):
    body = b"PAR1" + bytes(8) + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    assert refusal(body, inputs()).kind == "bad_parquet"


def test_an_encrypted_footer():
    body = written({"x": [1.0]})
    assert refusal(b"PARE" + body[4:-4] + b"PARE", inputs()).kind == "bad_parquet"


def test_a_small_body_is_read_in_the_thread(three, monkeypatch):
    threads = []

    def noted(*arguments):
        threads.append(threading.current_thread().name)
        return read(*arguments)

    client = TestClient(App(Model(three[0]), {"name": "three"}, Settings()))
    monkeypatch.setattr(http, "read", noted)
    answer = client.post("/invocations", content=written({"still": [7.0]}), headers={"Content-Type": PARQUET})
    assert (answer.status_code, len(answer.json()["predictions"])) == (200, 1)
    assert threads[0].startswith("scoring")
    small = TestClient(App(Model(three[0]), {"name": "three"}, Settings(max_body=4000)))
    body = written({"still": [7.0] * 10_000}, use_dictionary=False)
    answer = small.post("/invocations", content=body, headers={"Content-Type": PARQUET})
    assert (answer.status_code, answer.json()["error_code"]) == (413, "BODY_TOO_LARGE")


PLAIN = written(TABLE.slice(0, 60), compression="gzip")
# Without missing values: at levels that say more than the page holds, the reader ends the process.
SOUND = written(
    pa.table({"x": [1.5, 2.5] * 9}).cast(pa.schema([pa.field("x", pa.float64(), nullable=False)])),
    use_dictionary=False,
    compression="none",
)


def changed(body: bytes) -> st.SearchStrategy[bytes]:
    """The body cut short, or with one byte changed."""
    flip = st.tuples(st.integers(0, len(body) - 1), st.integers(1, 255)).map(
        lambda at: body[: at[0]] + bytes([body[at[0]] ^ at[1]]) + body[at[0] + 1 :]
    )
    return st.integers(0, len(body)).map(lambda end: body[:end]) | flip


@given(changed(PLAIN) | st.binary(max_size=300).map(lambda middle: b"PAR1" + middle + b"PAR1"))
def test_any_file_is_walked_or_refused(body):
    with contextlib.suppress(ValueError):
        walk(body, LIMIT)


@given(changed(SOUND))
def test_any_change_to_a_file_is_answered_or_refused(body):
    with contextlib.suppress(RefusedError):
        matrix(body, inputs())
