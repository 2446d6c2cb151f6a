"""A request that is not answered with predictions: one status, one kind, one sentence that never repeats the body."""

from __future__ import annotations


class RefusedError(Exception):
    """What the client did wrong.

    Attributes:
        status: HTTP status, 4xx (503 where the server is busy).
        kind: short name, for the metrics and for programs.
        row: 0-based row of the request; None where the whole request is meant.
        column: a column of the model; None where no known column is meant.
    """

    def __init__(
        self, status: int, kind: str, message: str, row: int | None = None, column: str | None = None
    ):
        super().__init__(message)
        self.status, self.kind, self.message, self.row, self.column = status, kind, message, row, column

    def to_json(self) -> dict[str, object]:
        """Return the form of MLflow's own errors, with row and column beside it."""
        place = {"row": self.row, "column": self.column}
        content: dict[str, object] = {"error_code": self.kind.upper(), "message": self.message}
        return content | {name: value for name, value in place.items() if value is not None}


def bad(kind: str, message: str, row: int | None = None, column: str | None = None) -> RefusedError:
    """Make a refusal with status 400; the place is put in front of the message."""
    place = [] if row is None else [f"row {row}"]
    place += [] if column is None else [f"column {column!r}"]
    return RefusedError(400, kind, f"{', '.join(place)}: {message}" if place else message, row, column)


def too_many_rows(limit: int) -> RefusedError:
    """Make the refusal of more rows than one request may bring."""
    return RefusedError(413, "too_many_rows", f"more than {limit} rows in one request; send them in several")
