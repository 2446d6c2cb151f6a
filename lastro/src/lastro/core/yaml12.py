"""YAML as DVC reads and writes it, by the same library: version 1.2, where 1e-05 is a number, `on` is a word and 010 is ten."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML, YAMLError

from lastro.core.errors import LastroError


def load(text: str) -> Any:
    """Read a document without tags of Python's.

    Raises:
        YAMLError: it is none.
        ValueError: a date or number that is none.
    """
    return YAML(typ="safe").load(text)


def no_yaml(error: Exception, name: str, fix: str) -> LastroError:
    """Make the error about text that is not YAML, with the line where it stops to be."""
    mark = getattr(error, "problem_mark", None)
    where = f"{name}:{mark.line + 1}" if mark else name
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return LastroError(f"is not YAML ({problem})", where=where, fix=fix)


def load_mapping(content: bytes, name: str, fix: str) -> dict[str, Any]:
    """Read the mapping in `content`; `name` and `fix` go into the messages.

    Raises:
        LastroError: an unfinished merge, not UTF-8, not YAML, not a mapping.
    """
    for number, line in enumerate(content.splitlines(), 1):
        if line.startswith(b"<<<<<<< "):
            raise LastroError(
                "holds conflict markers of an unfinished merge", where=f"{name}:{number}", fix=fix
            )
    try:
        loaded = load(content.decode("utf-8"))
    except (YAMLError, ValueError) as error:
        raise no_yaml(error, name, fix) from None
    if not isinstance(loaded, dict):
        raise LastroError(f"expected keys with values, found {loaded!r:.40}", where=name, fix=fix)
    return loaded


def flatten(content: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Map the dotted key of every value that is no mapping, or an empty one, to the value."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= (
            flatten(value, f"{above}{key}.")
            if isinstance(value, dict) and value
            else {f"{above}{key}": value}
        )
    return flat
