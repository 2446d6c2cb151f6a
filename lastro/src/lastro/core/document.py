"""The text of a params.yaml, read strictly: what is wrong in it, in which line, and what is allowed there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lastro.core.errors import LastroError, did_you_mean, readable
from lastro.core.params import Params
from lastro.core.paths import page
from lastro.core.yaml12 import no_yaml

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
        LastroError: unreadable, not YAML, a key set twice, a key that is no text.
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
            with readable(path, "it must hold the parameters"):
                text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise LastroError("is not UTF-8 text", where=path, fix="save it as UTF-8") from None
        return cls(text, path.name, overrides)

    def params(self) -> Params:
        """The typed parameters, hyperparameters not yet checked (`lastro.families.catalog.load_params` does both).

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
            raise self._describe(first, spec, place, within) from None

    def at(self, place: Place) -> str:
        """`file:line` of the innermost key of `place` that the file has; or that an override put it there."""
        if any(place[: len(overridden)] == overridden for overridden in self._overridden):
            return "command line"
        for end in range(len(place), 0, -1):
            if place[:end] in self._lines:
                return f"{self.name}:{self._lines[place[:end]]}"
        return self.name

    def _describe(self, error: Any, spec: type[BaseModel], start: Place, within: str) -> LastroError:
        relative = error["loc"]
        place = (*start, *relative)
        where = f"{self.at(place)}: {'.'.join(map(str, place)) or 'params'}"
        if error["type"] == "extra_forbidden":
            allowed = list(_section(spec, relative[:-1]).model_fields)
            hint = did_you_mean(str(relative[-1]), allowed)
            scope = f" for {within}" if within else ""
            return LastroError(f"unknown key{scope}", where=where, fix=f"{hint}allowed: {', '.join(allowed)}")
        if error["type"] == "missing":
            return LastroError("missing", where=where, fix=f"add it ({page('params.md')} says what it means)")
        message = MESSAGES.get(error["type"]) or error["msg"].removeprefix("Value error, ").removeprefix(
            "Input should be "
        )
        if isinstance(error["input"], dict):
            return LastroError(message, where=where)
        return LastroError(f"{error['input']!r} is not allowed", where=where, fix=f"expected {message}")


def _read_yaml(text: str, name: str) -> tuple[dict, dict[Place, int]]:
    """The document, and the line of every key (1-based)."""
    lines: dict[Place, int] = {}
    yaml = YAML(typ="safe", pure=True)

    def walk(node: Node, place: Place) -> None:
        if isinstance(node, MappingNode):
            for key, value in node.value:
                if not isinstance(key, ScalarNode):
                    raise LastroError(
                        f"a key of {'.'.join(map(str, place)) or 'the file'} is a list or holds keys itself, as {{{{ x "
                        "}} does",
                        where=f"{name}:{key.start_mark.line + 1}",
                        fix="expected text: write the value, or quote it",
                    )
                here = (*place, key.value)
                if key.tag != "tag:yaml.org,2002:merge":
                    read(key, here)
                if here in lines:
                    raise LastroError(
                        f"{'.'.join(map(str, here))} is set twice, first in line {lines[here]}",
                        where=f"{name}:{key.start_mark.line + 1}",
                        fix="keep one",
                    )
                lines[here] = key.start_mark.line + 1
                walk(value, here)
        elif isinstance(node, SequenceNode):
            for index, value in enumerate(node.value):
                lines[(*place, index)] = value.start_mark.line + 1
                walk(value, (*place, index))
        else:
            read(node, place)

    def read(node: ScalarNode, place: Place) -> None:
        try:
            yaml.constructor.construct_object(node)
        except (ValueError, KeyError, AttributeError):  # 2026-13-01, !!int x
            raise LastroError(
                f"{node.value!r} has the form of a date or number, or a tag, and is none",
                where=f"{name}:{node.start_mark.line + 1}: {'.'.join(map(str, place))}",
                fix="correct it, or quote it if it is text",
            ) from None

    try:
        document = yaml.compose(text)
        if document is not None:
            walk(document, ())
        content = yaml.load(text)
    except YAMLError as error:
        raise no_yaml(error, name, "correct that line") from None
    except RecursionError:
        raise LastroError(
            "an anchor (&x) holds its own alias (*x)", where=name, fix="write out what it stands for"
        ) from None
    if not isinstance(content, dict):
        raise LastroError(f"expected sections (name, data, model, ...), found {content!r}", where=f"{name}:1")
    return content, lines


def _override(content: dict, dotted: str, value: Any) -> None:
    *sections, key = dotted.split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise LastroError(
                f"{section} holds no keys", where=f"--set {dotted}", fix=f"see {page('params.md')}"
            )
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
