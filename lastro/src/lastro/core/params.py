"""What params.yaml may set: sections, types, what is allowed, and what each key means."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lastro.core.errors import did_you_mean
from lastro.core.metric_names import METRICS, known

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


class ColumnMeaning(Section):
    """What a column of texts is, where reading it tells otherwise."""

    kind: Literal["number", "boolean", "category", "date"] | None = Field(
        None, description="what the cells are; null: what all of them can be read as"
    )
    missing: list[str] = Field(
        [], description="texts that stand for a missing value, beside NA, null and such"
    )


class Data(Section):
    """Where the table comes from and what its columns mean."""

    source: Annotated[str, Field(min_length=1)] = Field(
        description="a .csv file, a .parquet file, or a folder of Parquet parts"
    )
    target: Column = Field(description="column to predict")
    task: Literal["auto", "classification", "regression"] = Field(
        "auto",
        description="auto: text, booleans, and whole numbers with at most 20 values are classes",
    )
    ignore: list[Column] = Field([], description="columns left out of the features")
    columns: dict[Column, ColumnMeaning] = Field(
        {}, description="what a column of texts is, as in `price: {kind: number, missing: [none]}`"
    )
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
        0.01, description="non-inferiority margin against the champion, in units of the primary metric"
    )
    min_rows: Annotated[int, Field(ge=2)] = Field(30, description="fewest rows a comparison may rest on")
    slices: SliceLimits = SliceLimits()

    @field_validator("metric", "limits")
    @classmethod
    def _metrics_exist(cls, value: str | dict[str, float]) -> str | dict[str, float]:
        for name in [value] if isinstance(value, str) else value:
            if not known(name):
                allowed = f"{did_you_mean(name, METRICS)}allowed: auto, {', '.join(METRICS)}"
                raise ValueError(f"a metric, not {name!r}; {allowed}")
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


def default_of(dotted: str) -> str | None:
    """The default of a key such as gate.metric, as YAML on one line; None where there is no such key, or no default."""
    default: Any = Params
    for name in dotted.split("."):
        kind = default if isinstance(default, type) else type(default)
        fields = getattr(kind, "model_fields", {})
        if name not in fields or fields[name].is_required():
            return None
        default = fields[name].default
    # The sections are complete without a key.
    return "{}" if isinstance(default, Section) else json.dumps(default, ensure_ascii=False)
