"""A large body in pieces: no more than one of them is held as Python's objects, and no step takes long.

A piece is a body by itself, of the same form, with some of the rows. The body is a bytearray that shrinks as they are taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import orjson

from ..artifact.columns import Columns
from ..artifact.errors import RefusedError, too_many_rows
from .bodies import CSV, read

PIECE = 256 * 2**10
"""Bytes of a piece, some milliseconds of work."""
LONGEST = 4 * PIECE
"""Bytes of one row, and of a body that cannot be cut."""
_HEAD = re.compile(
    rb'\s*\{\s*"(?:dataframe_split"\s*:\s*\{\s*(?:"index"\s*:\s*\[[^\[\]{}]*+\]\s*,\s*)?'
    rb'"columns"\s*:\s*(\[(?:[^\]"]|"(?:[^"\\]|\\.)*+")*+\])\s*,\s*"data"'
    rb'|(dataframe_records|instances|inputs)")\s*:\s*\[\s*(?=[\[{])'
)
"""Up to the first row, in the forms whose rows follow one another, and in the order in which pandas writes them."""
_BETWEEN = {
    b"]": re.compile(rb"\]\s*,\s*(?=\[)"),
    b"}": re.compile(rb"\}\s*,\s*(?=\{)"),
    b"\n": re.compile(rb"\n"),
}
_ATTEMPTS = 20
"""Ends of a row that are looked at: what looks like one may be part of a text."""


def read_pieces(media: str, body: bytearray, columns: Columns, max_rows: int) -> Iterator[np.ndarray]:
    """Read a body as `bodies.read` does, piece by piece.

    Raises:
        RefusedError: see `bodies.read`; or the body cannot be cut.
    """
    rows = 0
    for piece in _cut(media, body):
        before = rows
        try:
            for block in read(media, piece, columns, max_rows):
                rows += len(block)
                if rows > max_rows:
                    raise too_many_rows(max_rows)
                yield block
        except RefusedError as refusal:
            raise _later(refusal, before) from None


def _cut(media: str, body: bytearray) -> Iterator[bytes]:
    if media == CSV:
        head, tail, end = _take(body, LONGEST, b"\n", last=False), b"", b"\n"
        if head is None:
            raise _too_long("expected lines that end with a line feed")
    else:
        found = _HEAD.match(body)
        if found is None:
            if len(body) > LONGEST:
                raise _too_long("expected dataframe_split with columns before data, or rows as records")
            yield bytes(body)
            return
        names, form = found.groups()
        if names is None:
            head, tail, end = b'{"%s":[' % form, b"]}", b"}"
        else:
            head, tail, end = b'{"dataframe_split":{"columns":%s,"data":[' % names, b"]}}", b"]"
        past = found.end()
        # A match holds the body at its size.
        del found
        del body[:past]
    while len(body) > PIECE:
        rows = _take(body, PIECE, end) or _take(body, LONGEST, end)
        if rows is None:
            raise _too_long("expected rows with nothing between them and behind them")
        yield head + rows + tail
    # What stood behind the rows is still there.
    yield head + bytes(body)


def _take(body: bytearray, size: int, end: bytes, last: bool = True) -> bytes | None:
    """Take whole rows off the body, at most `size` bytes; last: as many as there are, instead of one."""
    at = size if last else -1
    for _ in range(_ATTEMPTS):
        at = body.rfind(end, 0, at) if last else body.find(end, at + 1, size)
        if at < 0:
            return None
        between = _BETWEEN[end].match(body, at)
        if between is None:
            continue
        past = between.end()
        del between
        rows = bytes(body[: past if end == b"\n" else at + 1])
        if b'"' not in rows or _whole(rows, end):
            del body[:past]
            return rows
    return None


def _whole(rows: bytes, end: bytes) -> bool:
    if end == b"\n":
        # Outside of quotes, which are doubled within.
        return rows.count(b'"') % 2 == 0
    try:
        orjson.loads(b"[" + rows + b"]")
    except orjson.JSONDecodeError:
        return False
    return True


def _later(refusal: RefusedError, rows: int) -> RefusedError:
    """Return the refusal with the row's number in the whole body."""
    if rows == 0 or refusal.row is None:
        return refusal
    row = refusal.row + rows
    message = refusal.message.replace(f"row {refusal.row}", f"row {row}", 1)
    return RefusedError(refusal.status, refusal.kind, message, row, refusal.column)


def _too_long(expected: str) -> RefusedError:
    return RefusedError(413, "body_too_large", f"a body of more than {LONGEST} bytes: {expected}")
