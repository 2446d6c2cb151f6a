"""YAML as DVC reads and writes it: version 1.2, where 1e-05 is a number, `on` is a word and 010 is ten.

PyYAML follows 1.1. A parameter of 0.00001, which DVC records as 1e-05, would come back from dvc.lock as text
and look changed for ever.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from lastro.core.errors import LastroError

_PREFIX = "tag:yaml.org,2002:"
_SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?0b[01_]+|[-+]?0o[0-7_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?[0-9_]+", "-+0123456789"),
    "float": (
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
}


class Loader(yaml.CSafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own name for it, read only)
        first: [(tag, regex) for tag, regex in resolvers if tag.removeprefix(_PREFIX) not in _SCALARS]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def _integer(loader: Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    return int(text, {"0b": 2, "0o": 8, "0x": 16}.get(text.lstrip("-+")[:2], 10))


for _name, (_pattern, _first) in _SCALARS.items():
    Loader.add_implicit_resolver(_PREFIX + _name, re.compile(f"^(?:{_pattern})$"), list(_first))
Loader.add_constructor(f"{_PREFIX}int", _integer)


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
        loaded = yaml.load(content.decode("utf-8"), Loader=Loader)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise LastroError(f"is not YAML ({problem})", where=where, fix=fix) from None
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
