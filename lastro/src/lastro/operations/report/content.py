"""A report as data: written by the job that ran the pipeline, checked and rendered by the one that may post.

The job that renders it trusts nothing in it: no text is Markdown, every text and list has a limit, and an unknown key is
refused.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lastro.core.errors import LastroError, readable

MAXIMUM_BYTES = 1_000_000
"""Size of the file; a real one has some 20 kB."""

Text = Annotated[str, Field(max_length=2000)]
Number = Annotated[float, Field(allow_inf_nan=False)] | None


class Strict(BaseModel):
    """A model without unknown keys, in which nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Content = TypeVar("Content", bound=Strict)


class Measured(Strict):
    """A value with its 95 % interval; None where it is undefined."""

    value: Number
    low: Number
    high: Number


class Difference(Measured):
    """The other model's value on the rows that both held out; gain is positive where this one is better."""

    gain: Number


class Metric(Measured):
    """One metric on all held-out rows."""

    name: Text
    base: Difference | None = None
    production: Difference | None = None


class Other(Strict):
    """The model that is compared with; `missing` says why there is no comparison."""

    name: Text
    rows: int | None = None
    missing: Text | None = None
    same: bool = False


class Change(Strict):
    """A key of params.yaml; None where the key is not there."""

    key: Text
    before: Text | None
    after: Text | None


class PackageChange(Strict):
    """Another pin of the package lastro; model: MD5 of the base's model, None where it is not known."""

    before: Text | None
    after: Text | None
    model: Text | None


class Rule(Strict):
    """One rule of the verdict."""

    name: Text
    passed: bool
    detail: Text


class Slice(Measured):
    """The primary metric of one group."""

    column: Text
    group: Text
    rows: int


class Chart(Strict):
    """Lines over evenly spaced x, or bars by name."""

    kind: Literal["roc", "calibration", "learning", "importance"]
    x_low: Number = None
    x_high: Number = None
    lines: dict[Text, list[Number]] = Field(default_factory=dict, max_length=8)
    bars: dict[Text, Number] = Field(default_factory=dict, max_length=20)

    @model_validator(mode="after")
    def _has_an_axis(self) -> Chart:
        if self.kind != "importance" and (self.x_low is None or self.x_high is None):
            raise ValueError("a chart of lines needs x_low and x_high")
        return self


class Report(Strict):
    """The whole report. ran: stages that no cache had. lock: whether the pipeline left another dvc.lock than the commit has."""

    version: Literal[1] = 1
    model_name: Text
    family: Text
    task: Text
    rows: int
    model: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    lock: Literal["unchanged", "updated"]
    ran: list[Text] | None = Field(default=None, max_length=50)
    seconds: Number = None
    changes: list[Change] = Field(max_length=200)
    more_changes: int = 0
    package: PackageChange | None = None
    primary: Text
    metrics: list[Metric] = Field(max_length=40)
    base: Other
    production: Other
    production_rules: list[Rule] = Field(default_factory=list, max_length=10)
    slices: list[Slice] = Field(max_length=200)
    passed: bool
    rules: list[Rule] = Field(max_length=60)
    charts: list[Chart] = Field(max_length=8)


class Failure(Strict):
    """Why the pipeline did not come to an end, in place of a report."""

    version: Literal[1] = 1
    error: Text


def read(path: Path) -> Report | Failure:
    """Read the report from a file, or why there is none; see `read_as`."""
    with suppress(LastroError):
        return read_as(Failure, path, "lastro report")
    return read_as(Report, path, "lastro report")


def read_as(kind: type[Content], path: Path, command: str) -> Content:
    """Read what another job wrote with `command`.

    Raises:
        LastroError: it is missing, too large, or something else.
    """
    with readable(path):
        if not path.is_file() or path.is_symlink():
            raise LastroError("is no file", where=path, fix=f"{command} --json {path} writes it")
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)
    if len(content) > MAXIMUM_BYTES:
        raise LastroError(f"has more than {MAXIMUM_BYTES} bytes; a real one has some thousand", where=path)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:80]
        problem = f"is no report ({where}: {first['msg']})"
        raise LastroError(problem, where=path, fix=f"run {command} again") from None
