"""Types that the families' hyperparameters share, and how a library's error becomes one line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, WrapValidator

from lastro.core.errors import LastroError, did_you_mean
from lastro.families.protocol import Problem

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Directions = dict[str, Literal[-1, 0, 1]]


def _not_an_int(value: Any) -> Any:
    if isinstance(value, int):
        raise ValueError("a float")
    return value


# Beside an int of another meaning: 1 is one row, 1.0 is all of them.
FloatShare = Annotated[float, Field(gt=0, le=1), BeforeValidator(_not_an_int)]


def expected(what: str) -> WrapValidator:
    """Give one message for a field of several types, where pydantic gives one per type."""

    def validate(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise ValueError(what) from None

    return WrapValidator(validate)


def directions(problem: Problem, constraints: Directions, name: str) -> list[int]:
    """List the constraint of each feature, in the order of the columns; 0 where none is set.

    Raises LastroError: a feature that is not there.
    """
    for feature in constraints:
        _index(problem, feature, name)
    return [constraints.get(feature, 0) for feature in problem.features]


def groups(problem: Problem, names: list[list[str]], name: str) -> list[list[int]]:
    """Look up the column indices of groups of features. Raises LastroError: a feature that is not there."""
    return [[_index(problem, feature, name) for feature in group] for group in names]


def _index(problem: Problem, feature: str, name: str) -> int:
    if feature not in problem.features:
        fix = did_you_mean(feature, problem.features).strip() or "name a column of the data"
        raise LastroError(f"{feature!r} is not a feature", where=f"model.params.{name}", fix=fix)
    return problem.features.index(feature)


@contextlib.contextmanager
def refusals_of(family: str) -> Iterator[None]:
    """Turn the library's refusal of parameters or data into one line.

    Raises LastroError: with the first paragraph of the library's reason.
    """
    try:
        yield
    except ValueError as error:
        # Native code adds a time, a source line and a stack trace to its reason.
        text = re.sub(r"^\[[\d:]+\] \S+: (Check failed: )?", "", str(error)).partition("Stack trace:")[0]
        reason = " ".join(text.strip().partition("\n\n")[0].split())
        raise LastroError(f"{family} refuses: {reason}", where="model") from error
