"""What was found, as data; the job that opens an issue renders it. See `lastro.operations.report.content` for why."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from lastro.core.errors import LastroError
from lastro.operations.report.content import MOST_BYTES, Number, Strict, Text


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
    """Against the model in production. why_not: there was nothing to compare; then nothing else is set.

    drop: by how much the primary metric is worse than at the release; low, high: its 95 % interval now.
    """

    version: int = 1
    model_name: Text
    release: Text = ""
    rows: int = 0
    why_not: Text | None = None
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
        """Whether a limit is passed."""
        return self.worse or any(column.beyond for column in self.columns)


def read(path: Path) -> Drift:
    """The findings in the file.

    Raises:
        LastroError: it cannot be read, or holds something else.
    """
    try:
        content = path.read_bytes()
        if len(content) > MOST_BYTES:
            raise LastroError(f"has more than {MOST_BYTES} bytes", where=path)
        return Drift.model_validate_json(content)
    except OSError as error:
        raise LastroError(
            f"cannot be read ({error.strerror})", where=path, fix=f"lastro drift --json {path}"
        ) from None
    except ValidationError:
        raise LastroError("holds no findings", where=path, fix=f"lastro drift --json {path}") from None
