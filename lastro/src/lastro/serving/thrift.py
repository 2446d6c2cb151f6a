"""A reader of Thrift's compact protocol that keeps the fields it is asked for and passes over the others.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any

MOST_STRUCTS = 200_000
"""Structs that are kept of one reader's lists."""
_DEEPEST = 16
_TRUE, _FALSE = 1, 2
_SHORT, _INT, _LONG, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
_FIXED = {3: 1, _DOUBLE: 8, _UUID: 16}
"""Kind -> bytes of a value."""


class Reader:
    """What stands in body from `at` on; nothing beyond `end` is read.

    Attributes:
        at: where it has come to.
    """

    def __init__(self, body: bytes, at: int, end: int):
        self._body, self.at, self._end, self._structs_kept = body, at, end, 0

    def _skip(self, size: int) -> None:
        if size > self._end - self.at:
            raise ValueError("beyond the end")
        self.at += size

    def _byte(self) -> int:
        self._skip(1)
        return self._body[self.at - 1]

    def _size(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number of more than ten bytes")

    def _integer(self, kind: int) -> int:
        value = self._size()
        value = (value >> 1) ^ -(value & 1)
        # A reader that cuts a larger one to 32 bits would see another number.
        if not -(2**31) <= value < 2**31 and kind != _LONG:
            raise ValueError("a number of more than 32 bits")
        return value

    def struct(self, kept: dict[int, Any], depth: int = 0) -> dict[int, Any]:
        """The fields `kept` of the struct that begins here.

        kept: field -> None for an integer, bool, fields for a struct, [fields] for a list of structs.

        Raises:
            ValueError: what stands here is no struct, or one of these fields is of another kind.
        """
        found: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            kind = head & 15
            field = field + (head >> 4) if head >> 4 else self._integer(_SHORT)
            if field not in kept:
                self._pass(kind, depth + 1)
            elif field in found:
                raise ValueError("a field twice")
            elif (inner := kept[field]) is None and kind in (_INT, _LONG):
                found[field] = self._integer(kind)
            elif inner is bool and kind in (_TRUE, _FALSE):
                found[field] = kind == _TRUE
            elif type(inner) is dict and kind == _STRUCT:
                found[field] = self.struct(inner, depth + 1)
            elif type(inner) is list and kind == _LIST:
                found[field] = self._list_of(inner[0], depth + 1)
            else:
                raise ValueError("a field of another kind")
        return found

    def _list_of(self, kept: dict[int, Any], depth: int) -> list[dict[int, Any]]:
        size, kind = self._list()
        self._structs_kept += size
        if (size and kind != _STRUCT) or self._structs_kept > MOST_STRUCTS:
            raise ValueError("no list of structs, or too many")
        return [self.struct(kept, depth) for _ in range(size)]

    def _list(self) -> tuple[int, int]:
        head = self._byte()
        size = head >> 4 if head < 240 else self._size()
        # Whatever its kind, a value takes a byte.
        if size > self._end - self.at:
            raise ValueError("beyond the end")
        return size, head & 15

    def _pass(self, kind: int, depth: int, inside: bool = False) -> None:
        if depth > _DEEPEST:
            raise ValueError("too deep")
        if kind in (_TRUE, _FALSE):
            # A field's kind is its value; in a list each takes a byte.
            self._skip(inside)
        elif kind in _FIXED:
            self._skip(_FIXED[kind])
        elif kind in (_SHORT, _INT, _LONG):
            self._size()
        elif kind == _BINARY:
            self._skip(self._size())
        elif kind in (_LIST, _SET):
            size, kind = self._list()
            for _ in range(size):
                self._pass(kind, depth + 1, True)
        elif kind == _MAP:
            size = self._size()
            kinds = self._byte() if size else 0
            for _ in range(size):
                self._pass(kinds >> 4, depth + 1, True)
                self._pass(kinds & 15, depth + 1, True)
        elif kind == _STRUCT:
            self.struct({}, depth + 1)
        else:
            raise ValueError("an unknown kind")
