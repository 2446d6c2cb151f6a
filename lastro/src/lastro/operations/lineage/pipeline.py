"""The two files of a DVC pipeline: dvc.yaml, what it declares, and dvc.lock, what was run."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lastro.core.errors import LastroError

PARAMS_FILE = "params.yaml"
_TEMPLATE = re.compile(r"(?<!\\)\$\{(.*?)\}")


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml, templates filled in. Paths are relative to the folder `wdir`."""

    name: str
    cmd: str | list[str]
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    params: dict[str, list[str]]  # file: keys; no keys stands for the whole file
    wdir: str
    frozen: bool

    def place(self, path: str) -> str:
        """`path` as seen from the repository, normalised."""
        return posixpath.normpath(posixpath.join(self.wdir, path))


@dataclass(frozen=True)
class Recorded:
    """What dvc.lock says of a stage: hashes by path, values by key by file. Paths as in `Stage`."""

    cmd: str | list[str]
    deps: dict[str, str | None] = field(default_factory=dict)
    outs: dict[str, str | None] = field(default_factory=dict)
    params: dict[str, dict[str, Any]] = field(default_factory=dict)


def read_stages(document: dict, params: dict, root: Path, name: str) -> tuple[list[Stage], dict[str, str]]:
    """The stages that dvc.yaml declares, and those that can't be read here, each with the reason.

    Raises:
        LastroError: not the form of dvc.yaml, or a template names what params.yaml lacks.
    """
    stages, unread = [], {}
    shared = _form(document.get("vars"), list, name, "vars")
    for stage, definition in _form(document.get("stages"), dict, name, "stages").items():
        definition = _form(definition, dict, name, f"stages.{stage}")
        own = [key for key in ("foreach", "matrix", "vars") if key in definition]
        if own:
            unread[stage] = f"uses {own[0]}, which only DVC resolves"
        elif not all(isinstance(item, dict) for item in shared):
            unread[stage] = "dvc.yaml loads vars from a file, which only DVC does"
        else:
            context = params | {key: value for item in shared for key, value in item.items()}
            stages.append(_stage(stage, _fill(definition, context, f"{name}: stage {stage}"), root, name))
    return stages, unread


def read_lock(document: dict, name: str) -> dict[str, Recorded]:
    """The stages that dvc.lock records.

    Raises:
        LastroError: not the form of dvc.lock.
    """
    lock = {}
    for stage, entry in _form(document.get("stages"), dict, name, "stages").items():
        where = f"{name}: stage {stage}"
        entry = _form(entry, dict, name, f"stages.{stage}")
        params = _form(entry.get("params"), dict, where, "params")
        lock[stage] = Recorded(
            cmd=entry.get("cmd", ""),
            deps=read_hashes(entry, "deps", where),
            outs=read_hashes(entry, "outs", where),
            params={file: _form(values, dict, where, f"params.{file}") for file, values in params.items()},
        )
    return lock


def read_hashes(entry: dict, section: str, name: str) -> dict[str, str | None]:
    """The MD5 of each path that `section` of a stage in dvc.lock, or of a .dvc file, lists.

    Raises:
        LastroError: it lists something else.
    """
    found = {}
    for item in _form(entry.get(section), list, name, section):
        path, md5 = (item.get("path"), item.get("md5")) if isinstance(item, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(md5, str | None):
            raise LastroError(
                f"{section} has not the form that DVC writes", where=name, fix="`dvc repro` says more"
            )
        found[path] = md5
    return found


def lookup(content: Any, dotted: str) -> Any:
    """The value below the keys of `dotted`.

    Raises:
        KeyError: there is none.
    """
    for key in dotted.split("."):
        try:
            content = content[int(key)] if isinstance(content, list) else content[key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise KeyError(dotted) from None
    return content


def _stage(stage: str, filled: dict, root: Path, name: str) -> Stage:
    def paths(section: str) -> list[str]:
        items = _form(filled.get(section), list, name, f"stages.{stage}.{section}")
        return [path for item in items for path in (item if isinstance(item, dict) else [item])]

    wdir = _form(filled.get("wdir"), str, name, f"stages.{stage}.wdir") or "."
    outs = [path for section in ("outs", "metrics", "plots") for path in paths(section)]
    deps = paths("deps")
    for path in (*outs, *deps):
        if not isinstance(path, str) or not path:
            raise LastroError(f"a path is {path!r}", where=f"{name}: stage {stage}", fix="it must be text")
    return Stage(
        name=stage,
        cmd=filled.get("cmd", ""),
        deps=tuple(_as_recorded(path, root, wdir) for path in deps),
        outs=tuple(_as_recorded(path, root, wdir) for path in outs),
        params=_declared_params(
            _form(filled.get("params"), list, name, f"stages.{stage}.params"), name, stage
        ),
        wdir=wdir,
        frozen=bool(filled.get("frozen")),
    )


def _as_recorded(path: str, root: Path, wdir: str) -> str:
    """DVC records an absolute path inside the repository as one relative to the stage's folder."""
    if posixpath.isabs(path) and os.path.normpath(path).startswith(f"{root}{os.sep}"):
        return Path(os.path.relpath(path, root / wdir)).as_posix()
    return path


def _declared_params(items: list, name: str, stage: str) -> dict[str, list[str]]:
    declared: dict[str, list[str]] = {}
    whole = set()
    for item in items:
        for file, keys in (item if isinstance(item, dict) else {PARAMS_FILE: [item]}).items():
            keys = _form(keys, list, name, f"stages.{stage}.params.{file}")
            declared.setdefault(str(file), []).extend(map(str, keys))
            if not keys:
                whole.add(str(file))
    return {file: [] if file in whole else keys for file, keys in declared.items()}


def _fill(value: Any, context: dict, where: str) -> Any:
    """`value` with every ${key} in it replaced, as DVC does."""
    if isinstance(value, dict):
        return {_fill(key, context, where): _fill(inner, context, where) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, context, where) for inner in value]
    if not isinstance(value, str):
        return value

    def find(match: re.Match[str]) -> Any:
        key = ".".join(part.strip() for part in re.split(r"[.\[]", match[1].replace("]", "")))
        try:
            found = lookup(context, key)
        except KeyError:
            raise LastroError(
                f"{match[0]} is not in {PARAMS_FILE}", where=where, fix="add it there or mend the template"
            ) from None
        if isinstance(found, dict | list):
            raise LastroError(f"{match[0]} stands for several values", where=where, fix="name one of them")
        return found

    def text(match: re.Match[str]) -> str:
        found = find(match)
        return str(found).lower() if isinstance(found, bool) else str(found)

    whole = _TEMPLATE.fullmatch(value)
    return find(whole) if whole else _TEMPLATE.sub(text, value).replace(r"\${", "${")


def _form(value: Any, kind: type, name: str, key: str) -> Any:
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise LastroError(f"{key} has not the form that DVC writes", where=name, fix="`dvc repro` says more")
    return value
