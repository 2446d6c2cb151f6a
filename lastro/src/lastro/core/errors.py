"""What goes wrong, as one line for a person, and the exit code it stands for."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Self


class LastroError(Exception):
    """Bad input or configuration, printed as one line: `WHERE: PROBLEM; FIX`.

    Attributes:
        problem: what is wrong, and what was expected.
        where: the file and line, command or thing that it is about; empty where the problem names it.
        fix: what to do about it; empty where the problem says it all.
    """

    exit_code = 2

    def __init__(self, problem: str = "", *, where: object = "", fix: str = "") -> None:
        super().__init__(problem)
        self.problem, self.where, self.fix = problem, str(where), fix

    def __str__(self) -> str:
        return f"{self.summary}; {self.fix}" if self.fix else self.summary

    @property
    def summary(self) -> str:
        """Return the line without the fix."""
        return f"{self.where}: {self.problem}" if self.where else self.problem

    def within(self, place: object) -> Self:
        """Put `place` in front of where it is, and return the error to be raised again."""
        self.where = f"{place}: {self.where}" if self.where else str(place)
        return self


class VerdictError(LastroError):
    """The verdict on a model is no."""

    exit_code = 1


class ExternalError(LastroError):
    """Another system (tracking server, DVC remote, Git) failed."""

    exit_code = 3


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Return a hint at the nearest allowed name, with a space behind it; empty where none is near."""
    near = difflib.get_close_matches(name, list(allowed), n=1)
    return f"did you mean {near[0]}? " if near else ""


@contextmanager
def readable(path: object, fix: str = "") -> Iterator[None]:
    """Turn an OSError into a LastroError that says that `path` cannot be read."""
    try:
        yield
    except OSError as error:
        raise LastroError(f"cannot be read ({error.strerror})", where=path, fix=fix) from None


def exit_with_message(function: Callable[[], object]) -> None:
    """Run `function`; turn a LastroError into one line on standard error and its exit code.

    Likewise a file that the machine does not let us read or write; any other exception is a defect and shows where it is.
    """
    try:
        function()
    except LastroError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None or error.strerror is None:
            raise
        again = "correct that, then run this again"
        print(f"error: {ExternalError(error.strerror, where=error.filename, fix=again)}", file=sys.stderr)
        sys.exit(ExternalError.exit_code)
