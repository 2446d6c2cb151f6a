"""What a Parquet body unpacks to, told from its footer and its page headers before anything is unpacked.

The file's structure: https://parquet.apache.org/docs/file-format/, its fields: parquet.thrift of apache/parquet-format.
Neither the footer's sums nor a page's header are believed where the reader that comes after would not hold to them.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .thrift import Reader

MAGIC = b"PAR1"
LARGEST_FOOTER = 8 * 2**20
"""Bytes."""
MOST_PAGES = 200_000
"""Pages that a file may have."""
# See `Reader.struct`.
_COLUMN = {4: None, 7: None, 9: None, 11: None}
_FOOTER = {2: [{1: None, 2: None, 3: None, 5: None}], 3: None, 4: [{1: [{3: _COLUMN}]}], 8: {}}
_PAGE = {
    1: None,
    2: None,
    3: None,
    5: {1: None, 2: None},
    7: {1: None},
    8: {1: None, 4: None, 5: None, 6: None, 7: bool},
}
_GZIP, _BROTLI, _LZ4 = 2, 4, 5
_BYTES, _FIXED_BYTES, _REPEATED = 6, 7, 2
_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3
_BY_DICTIONARY, _DELTA_BYTES = (2, 8), (6, 7)
_STEP = 64 * 2**10
"""Bytes that are unpacked at once to be counted."""
# https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
_LZ4_FRAMES = frozenset((0x184D2204, 0x184C2102, *range(0x184D2A50, 0x184D2A60)))


@dataclass(frozen=True)
class Pages:
    """What a file holds.

    Attributes:
        rows: as the footer says.
        unpacked: bytes of all pages; where the walk ended at the limit, those until there.
        widest: bytes that one row may take of the values that rows share.
        repeated: a column holds lists.
    """

    rows: int
    unpacked: int
    widest: int
    repeated: bool


def walk(body: bytes, limit: int) -> Pages:
    """Every page of the file. It ends early where the pages unpack to more than `limit` bytes.

    Raises:
        ValueError: no Parquet file, an encrypted one, or one whose pages do not say what they unpack to.
    """
    size = int.from_bytes(body[-8:-4], "little")
    end = len(body) - 8
    if body[:4] != MAGIC or body[-4:] != MAGIC or size > min(end - 4, LARGEST_FOOTER):
        raise ValueError("no Parquet file")
    footer = Reader(body, end - size, end).struct(_FOOTER)
    if 8 in footer:
        raise ValueError("encrypted")
    try:
        leaves = [leaf for leaf in footer[2][1:] if not leaf.get(5)]
        repeated = any(element.get(3) == _REPEATED for element in footer[2])
        shared = [max(0, leaf.get(2, 0)) if leaf[1] == _FIXED_BYTES else 0 for leaf in leaves]
        unpacked = packed = parts = 0
        content = memoryview(body)
        for group in footer[4]:
            for at, (leaf, chunk) in enumerate(zip(leaves, group[1], strict=True)):
                known = False
                for page, start, stop in _pages(body, end - size, chunk[3]):
                    parts += 1
                    packed += stop - start
                    unpacked += page[2]
                    if unpacked > limit:
                        return Pages(footer[3], unpacked, sum(shared), repeated)
                    if parts > MOST_PAGES or packed > len(body):
                        raise ValueError("too many pages, or the same ones twice")
                    _check(page, content[start:stop], chunk[3][4], known)
                    known = known or page[1] == _DICTIONARY
                    if page[1] == _DICTIONARY and leaf[1] == _BYTES:
                        shared[at] = max(shared[at], page[2])
        return Pages(footer[3], unpacked, sum(shared), repeated)
    except KeyError:
        raise ValueError("a field is missing") from None


def _pages(body: bytes, end: int, column: dict[int, int]) -> Iterator[tuple[dict[int, Any], int, int]]:
    """Header, begin and end of each page of a column chunk. end: of the pages of the file."""
    start = column.get(11, column[9])
    stop = start + column[7]
    if not len(MAGIC) <= start <= stop <= end:
        raise ValueError("pages beyond the end")
    reader = Reader(body, start, stop)
    while reader.at < stop:
        page = reader.struct(_PAGE)
        if page[2] < 0 or not 0 <= page[3] <= stop - reader.at:
            raise ValueError("a page beyond the end")
        start = reader.at
        reader.at += page[3]
        yield page, start, reader.at


def _check(page: dict[int, Any], content: memoryview, codec: int, known: bool) -> None:
    """Raises ValueError where the reader would take more memory for the page than its header says."""
    if page[1] == _DICTIONARY and not (0 < page[7][1] <= page[2] or page[7][1] == page[2] == 0):
        raise ValueError("a dictionary of another size")
    inside = page.get({_DATA: 5, _DATA_2: 8}.get(page[1], 0), {})
    encoding = inside.get(2 if page[1] == _DATA else 4)
    if encoding in _BY_DICTIONARY and not known:
        raise ValueError("no dictionary")
    if encoding in _DELTA_BYTES:
        # They begin with a number of lengths, packed as tightly as one likes, which the reader unpacks at once.
        raise ValueError("an encoding that may unpack to any size")
    size = page[2]
    if page[1] == _DATA_2:
        levels = [inside.get(field, 0) for field in (5, 6)]
        if min(levels) < 0 or sum(levels) > min(page[3], size):
            raise ValueError("levels beyond the end of the page")
        content, size = content[sum(levels) :], size - sum(levels)
        if not inside.get(7, True):
            return
    # Of these the reader unpacks all there is, and only then compares with the header.
    if codec == _BROTLI:
        raise ValueError("a codec whose pages cannot be counted here")
    if codec == _LZ4 and int.from_bytes(content[:4], "little") in _LZ4_FRAMES:
        raise ValueError("a frame that may unpack to any size")
    if codec == _GZIP and content and _gzip_size(content, size) != size:
        raise ValueError("a page of another size")


def _gzip_size(content: memoryview, most: int) -> int:
    """Bytes that content unpacks to, counted until they are more than `most`."""
    size = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            while size <= most and (part := file.read(_STEP)):
                size += len(part)
    except (OSError, EOFError, zlib.error):
        raise ValueError("no gzip") from None
    return size
