"""Write the reference pages and the files of MLflow Projects from the code. `--check` compares instead."""

from __future__ import annotations

import sys
import types
import typing
from pathlib import Path

import annotated_types
import yaml
from command_page import command_page
from project_files import project_files
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from tag_page import tag_page

from lastro.core.params import Params
from lastro.core.yaml12 import load_mapping
from lastro.families import catalog

DOCS = Path(__file__).parent
INTRODUCTION = """\
# params.yaml

<!-- Written by docs/generate.py from lastro/src/lastro; `make docs` refreshes it. -->

Everything an experiment may change. An unknown key, a wrong type or a value out of range is an error before anything
runs; the message names the line, the value and what is allowed.

A key that is left out has its default. These must stay in the file all the same, since `dvc.yaml` watches them and DVC,
which does not know the defaults, stops where one is missing: {watched}.
"""
EXAMPLES = {
    "xgboost": {
        "n_estimators": 500,
        "learning_rate": 0.05,
        "max_depth": 4,
        "subsample": 0.8,
        "early_stopping_rounds": 50,
    },
    "logistic_regression": {"C": 0.5, "max_iter": 500},
    "random_forest": {"n_estimators": 300, "min_samples_leaf": 3},
    "hist_gradient_boosting": {"max_iter": 200, "learning_rate": 0.05, "early_stopping": True},
    "elastic_net": {"alpha": 0.1, "l1_ratio": 0.5},
}


def page() -> str:
    """The whole page, as Markdown."""
    parts = [INTRODUCTION.format(watched=_watched()), *_section(Params, "")]
    parts.append("## Families and their hyperparameters\n\nNamed as the library names them.\n")
    for name in catalog.FAMILIES:
        family = catalog.get(name)
        example = {"model": {"family": name, "params": EXAMPLES.get(name, {})}}
        # An example that the code refuses must not be documented.
        family.Hyperparameters.model_validate(example["model"]["params"])
        parts.append(f"### {name}\n\nFor {' and '.join(sorted(family.tasks))}.\n")
        parts.append(f"```yaml\n{yaml.safe_dump(example, sort_keys=False)}```\n")
        parts.append(_table(family.Hyperparameters, ""))
    return "\n".join(parts)


def _watched() -> str:
    stages = load_mapping((DOCS.parents[1] / "dvc.yaml").read_bytes(), "dvc.yaml", "fix that line")["stages"]
    keys = sorted({key for stage in stages.values() for key in stage.get("params", [])})
    return ", ".join(f"`{key}`" for key in keys)


def _section(section: type[BaseModel], path: str) -> list[str]:
    title = f"## {path}" if path else "## Top level"
    parts = [f"{title}\n\n{section.__doc__.splitlines()[0]}\n", _table(section, path)]
    for name, field in section.model_fields.items():
        if _is_section(field):
            parts += _section(field.annotation, f"{path}.{name}".lstrip("."))
    return parts


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _table(section: type[BaseModel], path: str) -> str:
    rows = ["| key | allowed | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in section.model_fields.items():
        if not _is_section(field):
            default = "required" if field.default is PydanticUndefined else f"`{_yaml(field.default)}`"
            cells = (f"`{path}.{name}`".replace("`.", "`"), _allowed(field), default, field.description or "")
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n" if len(rows) > 2 else ""


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()


def _allowed(field: FieldInfo) -> str:
    return _describe(field.annotation, field.metadata)


def _describe(kind: typing.Any, metadata: typing.Iterable = ()) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _describe(arguments[0], [*_constraints(arguments[1:]), *metadata])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_describe(a, metadata if a is not type(None) else ()) for a in arguments)
    if origin is typing.Literal:
        return ", ".join(f"`{_yaml(a)}`" for a in arguments)
    if origin is list:
        return f"list of {_describe(arguments[0])}"
    if origin is dict:
        return "mapping"
    names = {int: "whole number", float: "number", str: "text", bool: "`true`, `false`", type(None): "`null`"}
    name = names.get(kind, "")
    bounds = [_bound(item) for item in metadata]
    return " ".join([name, *filter(None, bounds)])


def _constraints(items: typing.Iterable) -> list:
    found = []
    for item in items:
        found += item.metadata if isinstance(item, FieldInfo) else [item]
    return found


def _bound(item: object) -> str:
    signs = {annotated_types.Gt: (">", "gt"), annotated_types.Ge: ("≥", "ge")}
    signs |= {annotated_types.Lt: ("<", "lt"), annotated_types.Le: ("≤", "le")}
    for kind, (sign, attribute) in signs.items():
        if isinstance(item, kind):
            bound = getattr(item, attribute)
            return f"{sign} {bound if bound < 2**62 else '2^63'}"
    return ""


def main() -> None:
    pages = {"params": page, "commands": command_page, "tags": tag_page}
    files = {DOCS / f"{name}.md": write() for name, write in pages.items()}
    for path, text in {**files, **project_files()}.items():
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"error: {path.name} is not what the code says; run make docs and commit it")


if __name__ == "__main__":
    main()
