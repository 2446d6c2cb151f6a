"""params.yaml, typed and strict: what may be set, what is allowed, and where it is wrong."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lastro.errors import LastroError
from lastro.metric_names import METRICS, known
from lastro.yaml12 import Loader

Fraction = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Column = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A part of params.yaml: frozen, unknown keys are errors, no value is coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Split(Section):
    """How rows are divided into train, validation and test."""

    test: Fraction = Field(0.2, description="share of the rows held out for the evaluation")
    validation: Fraction = Field(
        0.16, description="share of the rows for early stopping; a family without it trains on them"
    )
    group: Column | None = Field(None, description="column whose equal values stay in one part")
    time: Column | None = Field(
        None, description="date column; the newest rows become the test part, those before them validation"
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(42, description="chooses which rows go where")

    @model_validator(mode="after")
    def _leaves_rows_to_train_on(self) -> Split:
        if self.test + self.validation >= 1:
            raise ValueError("test + validation must be below 1, or nothing is left to train on")
        if self.group and self.time:
            raise ValueError("group and time exclude each other: set one of them to null")
        return self


class Data(Section):
    """Where the table comes from and what its columns mean."""

    source: Annotated[str, Field(min_length=1)] = Field(
        description="sklearn:NAME (breast_cancer, diabetes, iris, wine, digits), a .csv file, a .parquet file, "
        "or a folder of Parquet parts"
    )
    target: Column = Field(description="column to predict")
    task: Literal["auto", "classification", "regression"] = Field(
        "auto",
        description="auto: text, booleans, and whole numbers with at most 20 values are classes",
    )
    ignore: list[Column] = Field([], description="columns left out of the features")
    key: Column | None = Field(
        None, description="column whose values name the rows; null: a hash of the row's content does"
    )
    max_categories: Annotated[int, Field(ge=2, le=65_535)] = Field(
        255, description="a text column with more distinct values is refused as an identifier or free text"
    )
    unseen_categories: Literal["error", "missing"] = Field(
        "error", description="what a category that the committed schema does not know becomes"
    )
    split: Split = Split()


class Model(Section):
    """Which model family, with which hyperparameters."""

    family: Annotated[str, Field(min_length=1)] = Field("xgboost", description="the kind of model")
    params: dict[str, Any] = Field({}, description="hyperparameters, named as the library names them")


class Evaluation(Section):
    """How the held-out rows are judged."""

    slices: list[Column] = Field([], description="columns whose groups are reported one by one")
    resamples: Annotated[int, Field(ge=100, le=100_000)] = Field(
        1000, description="bootstrap resamples behind each 95 % interval"
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(42, description="seed of the resamples")


class SliceLimits(Section):
    """What the gate asks of each slice."""

    max_gap: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="how much worse than the whole a slice's primary metric may be; null: not judged"
    )
    min_rows: Annotated[int, Field(ge=1)] = Field(
        30, description="slices with fewer rows are reported, not judged"
    )


class Gate(Section):
    """The rules behind the verdict."""

    metric: str = Field(
        "auto", description="primary metric; auto: roc_auc for classification, r2 for regression"
    )
    limits: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        {}, description="metric: bound; a minimum where higher is better, a maximum where lower is"
    )
    beat_baseline: bool = Field(
        True, description="the primary metric must be better than the dummy baseline's"
    )
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        0.01, description="non-inferiority margin against a rival, in units of the primary metric"
    )
    min_rows: Annotated[int, Field(ge=2)] = Field(30, description="fewest rows a comparison may rest on")
    slices: SliceLimits = SliceLimits()

    @field_validator("metric", "limits")
    @classmethod
    def _metrics_exist(cls, value: str | dict[str, float]) -> str | dict[str, float]:
        for name in [value] if isinstance(value, str) else value:
            if not known(name):
                near = difflib.get_close_matches(name, METRICS, n=1)
                hint = f"did you mean {near[0]}? " if near else ""
                raise ValueError(f"a metric, not {name!r}; {hint}allowed: auto, {', '.join(METRICS)}")
        return value


class Drift(Section):
    """When the newest data counts as moved away from the model in production."""

    distance: Fraction = Field(
        0.2,
        description="how far a column's distribution may move: Kolmogorov-Smirnov for numbers, total variation for categories",
    )
    drop: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        0.05, description="how much worse than at the release the primary metric may be, in its units"
    )
    min_rows: Annotated[int, Field(ge=2)] = Field(30, description="fewest new rows that are judged")


class Tracking(Section):
    """How MLflow is told."""

    mode: Literal["explicit", "autolog"] = Field(
        "explicit",
        description="autolog: MLflow's own autologging for the family, beside what is always logged",
    )


class Params(Section):
    """The whole of params.yaml."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] = Field(
        description="name of the MLflow experiment and of the registered model"
    )
    data: Data
    model: Model = Model()
    evaluation: Evaluation = Evaluation()
    gate: Gate = Gate()
    drift: Drift = Drift()
    tracking: Tracking = Tracking()


Place = tuple[str | int, ...]
MESSAGES = {
    "model_type": "keys with values, one a line",
    "string_pattern_mismatch": "letters, digits, '.', '_' and '-', a letter or digit first",
    "string_too_short": "at least one character",
}
"""What pydantic's own words would not tell a person."""
Spec = TypeVar("Spec", bound=BaseModel)


class Document:
    """The text of a params.yaml: its content, and the line of every key, for messages that point at one.

    Raises:
        LastroError: unreadable, not YAML, a key set twice.
    """

    def __init__(self, text: str, name: str = "params.yaml", overrides: dict[str, Any] | None = None):
        self.name = name
        self.content, self._lines = _read_yaml(text, name)
        self._overridden = {tuple(dotted.split(".")) for dotted in overrides or {}}
        for dotted, value in (overrides or {}).items():
            _override(self.content, dotted, value)

    @classmethod
    def read(cls, path: Path, overrides: dict[str, Any] | None = None) -> Document:
        """Read the file; `overrides` maps a dotted key to a value laid over what the file says."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise LastroError(
                f"{path}: cannot be read ({error.strerror}); it must hold the parameters"
            ) from None
        except UnicodeDecodeError:
            raise LastroError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
        return cls(text, path.name, overrides)

    def params(self) -> Params:
        """The typed parameters, hyperparameters not yet checked (`lastro.models.load_params` does both).

        Raises:
            LastroError: an unknown key, a wrong type, a value out of range. The message names the file, the
                line, the key, the value and what is allowed.
        """
        return self.check(Params, self.content)

    def check(self, spec: type[Spec], content: object, place: Place = (), within: str = "") -> Spec:
        """Validate `content`, which stands at `place`, against `spec`; see `params`."""
        try:
            return spec.model_validate(content)
        except ValidationError as error:
            # A misspelt key is both unknown and missing: the unknown one names the mistake.
            first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
            raise LastroError(self._describe(first, spec, place, within)) from None

    def at(self, place: Place) -> str:
        """`file:line` of the innermost key of `place` that the file has; or that an override put it there."""
        if any(place[: len(overridden)] == overridden for overridden in self._overridden):
            return "command line"
        for end in range(len(place), 0, -1):
            if place[:end] in self._lines:
                return f"{self.name}:{self._lines[place[:end]]}"
        return self.name

    def _describe(self, error: Any, spec: type[BaseModel], start: Place, within: str) -> str:
        relative = error["loc"]
        place = (*start, *relative)
        head = f"{self.at(place)}: {'.'.join(map(str, place)) or 'params'}"
        if error["type"] == "extra_forbidden":
            allowed = list(_section(spec, relative[:-1]).model_fields)
            near = difflib.get_close_matches(str(relative[-1]), allowed, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            scope = f" for {within}" if within else ""
            return f"{head}: unknown key{scope}; {hint}allowed: {', '.join(allowed)}"
        if error["type"] == "missing":
            return f"{head}: missing; add it (docs/params.md says what it means)"
        message = MESSAGES.get(error["type"]) or error["msg"].removeprefix("Value error, ").removeprefix(
            "Input should be "
        )
        if isinstance(error["input"], dict):
            return f"{head}: {message}"
        return f"{head}: {error['input']!r} is not allowed; expected {message}"


def _read_yaml(text: str, name: str) -> tuple[dict, dict[Place, int]]:
    """The document, and the line of every key (1-based)."""
    lines: dict[Place, int] = {}

    def walk(node: yaml.Node, place: Place) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*place, key.value)
                if here in lines:
                    raise LastroError(
                        f"{name}:{key.start_mark.line + 1}: {'.'.join(map(str, here))} is set twice, first in line "
                        f"{lines[here]}; keep one"
                    )
                lines[here] = key.start_mark.line + 1
                walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                lines[(*place, index)] = value.start_mark.line + 1
                walk(value, (*place, index))

    try:
        document = yaml.compose(text, Loader=Loader)
        if document is not None:
            walk(document, ())
        content = yaml.load(text, Loader=Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise LastroError(
            f"{where}: is not YAML ({' '.join(str(getattr(error, 'problem', None) or error).split())}); mend that line"
        ) from None
    if not isinstance(content, dict):
        raise LastroError(f"{name}:1: expected sections (name, data, model, ...), found {content!r}")
    return content, lines


def _override(content: dict, dotted: str, value: Any) -> None:
    *sections, key = dotted.split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise LastroError(f"--set {dotted}: {section} holds no keys; see docs/params.md")
    content[key] = value


def _section(spec: type[BaseModel], place: list) -> type[BaseModel]:
    for part in place:
        field = spec.model_fields.get(str(part))
        if field is None or not (
            isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        ):
            break
        spec = field.annotation
    return spec
