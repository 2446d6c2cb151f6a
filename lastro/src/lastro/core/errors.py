"""What goes wrong, as one line for a person, and the exit code it stands for."""

from __future__ import annotations

import sys
from collections.abc import Callable


class LastroError(Exception):
    """Bad input or configuration. The message says what, where, what was expected, and how to mend it."""

    exit_code = 2


class VerdictError(LastroError):
    """The verdict on a model is no."""

    exit_code = 1


class ExternalError(LastroError):
    """Another system (tracking server, DVC remote, Git) failed."""

    exit_code = 3


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
        print(f"error: {error.filename}: {error.strerror}; mend that, then run this again", file=sys.stderr)
        sys.exit(ExternalError.exit_code)
