"""Whether dvc.lock is still true: what DVC would compare, without DVC, at any revision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lastro.core.yaml12 import load_mapping
from lastro.operations.lineage import hashes
from lastro.operations.lineage.pipeline import PARAMS_FILE, Recorded, Stage, lookup
from lastro.operations.lineage.sources import Source, UnknownContentError
from lastro.operations.lineage.tracked import Tracked

REPRO = "dvc repro"


@dataclass(frozen=True)
class Stale:
    """A stage whose record is no longer true: what differs, and the command that mends it."""

    stage: str
    what: str
    fix: str = REPRO


@dataclass(frozen=True)
class Unverified:
    """A part of a stage's record that nothing at hand can confirm or deny, with the reason."""

    stage: str
    what: str


def compare(
    stages: list[Stage], lock: dict[str, Recorded], source: Source
) -> tuple[tuple[Stale, ...], tuple[Unverified, ...]]:
    """Every difference between what `stages` declare, what `lock` records and what `source` holds."""
    found = list(_Comparison(stages, lock, source).run())
    stale = (item for item in found if isinstance(item, Stale))
    unverified = (item for item in found if isinstance(item, Unverified))
    return tuple(stale), tuple(unverified)


class _Comparison:
    def __init__(self, stages: list[Stage], lock: dict[str, Recorded], source: Source):
        self._stages = stages
        self._lock = lock
        self._source = source
        self._tracked = Tracked(stages, lock, source)

    def run(self) -> Iterator[Stale | Unverified]:
        for stage in self._stages:
            if stage.name not in self._lock:
                yield Stale(stage.name, "has not been run: dvc.lock does not know it", _fix(stage))
                continue
            recorded = self._lock[stage.name]
            if stage.cmd != recorded.cmd:
                yield Stale(stage.name, "its command changed", _fix(stage))
            yield from _compare_keys(stage, recorded)
            for file, keys in stage.params.items():
                yield from self._compare_params(stage, file, keys, recorded.params.get(file, {}))
            for dep in stage.deps:
                if dep in recorded.deps:
                    yield from self._compare_dep(stage, dep, recorded.deps[dep])

    def _compare_params(
        self, stage: Stage, file: str, keys: list[str], recorded: dict[str, Any]
    ) -> Iterator[Stale | Unverified]:
        path = stage.place(file)
        if not path.endswith((".yaml", ".yml")):
            yield Unverified(stage.name, f"{path}: only YAML parameters can be compared")
            return
        content = self._source.read(path)
        if content is None:
            yield Stale(stage.name, f"{path}: is missing", _fix(stage))
            return
        name = f"{path}{self._source.suffix}"
        actual = load_mapping(content, name, "mend that line")
        for key in keys or dict.fromkeys([*actual, *recorded]):
            try:
                value = lookup(actual, key) if keys else actual[key]
            except KeyError:
                fix = _add(stage, path, key) if keys else _fix(stage)
                yield Stale(stage.name, f"{path}: {key} is missing", fix)
                continue
            if key not in recorded:
                yield Stale(stage.name, f"{path}: {key} is new", _fix(stage))
                continue
            # Python's equality, as DVC compares: 1 and 1.0 are the same value.
            if value != recorded[key]:
                yield Stale(stage.name, f"{path}: {_difference(key, recorded[key], value)}", _fix(stage))

    def _compare_dep(self, stage: Stage, dep: str, recorded: str | None) -> Iterator[Stale | Unverified]:
        path = dep if "://" in dep else stage.place(dep)
        if recorded is None:
            yield Unverified(stage.name, f"{path}: dvc.lock has no MD5 of it")
            return
        try:
            pointer = self._tracked.pointer(path)
            disk = self._disk(path) if pointer else None
            if pointer and disk and pointer != disk:
                # DVC's own pointer and the file are at odds: which one is meant is for the person to say.
                if disk == recorded:
                    what = f"{path}: {path}.dvc names other data than the one on disk"
                    yield Stale(stage.name, what, f"dvc checkout {path}.dvc && dvc repro")
                else:
                    what = f"{path}: changed on disk, and {path}.dvc does not know"
                    yield Stale(stage.name, what, f"dvc add {path} && dvc repro")
                return
            current = pointer or self._content(path)
        except UnknownContentError as reason:
            yield Unverified(stage.name, f"{path}: {reason}")
            return
        if current is None:
            yield Stale(stage.name, f"{path}: is missing; put it there", _fix(stage))
        elif current != recorded:
            yield Stale(stage.name, f"{path}: changed", _fix(stage))

    def _disk(self, path: str) -> str | None:
        return self._content(path) if self._source.on_disk and self._source.kind(path) else None

    def _content(self, path: str) -> str | None:
        """The hash of what lies at `path`; None if nothing does."""
        if "://" in path:
            raise UnknownContentError("lies elsewhere")
        kind = self._source.kind(path)
        try:
            known = self._tracked.output(path) or self._tracked.inside_output(path)
        except UnknownContentError:
            if kind is None:
                raise
            known = None
        if known:
            return known
        if kind is None:
            known = self._tracked.inside_pointer(path)
            if known or self._source.on_disk:
                return known
            raise UnknownContentError("is neither in Git nor tracked by DVC")
        if kind == "file":
            return self._source.file_md5(path)
        start = "" if path == "." else f"{path}/"
        files = {name: self._source.file_md5(f"{start}{name}") for name in self._source.files(path)}
        return hashes.folder_md5(self._tracked.below(start, files))


def _compare_keys(stage: Stage, recorded: Recorded) -> Iterator[Stale]:
    """What one of dvc.yaml and dvc.lock names and the other does not."""
    for kind, declared, known in (
        ("dependency", stage.deps, recorded.deps),
        ("output", stage.outs, recorded.outs),
    ):
        for path in declared:
            if path not in known:
                yield Stale(stage.name, f"{path}: is a new {kind}", _fix(stage))
        for path in known:
            if path not in declared:
                yield Stale(stage.name, f"{path}: is no longer a {kind}", _rerun(stage))
    for file, values in recorded.params.items():
        keys = stage.params.get(file)
        if keys is None:
            yield Stale(stage.name, f"{file}: is no longer a file of parameters", _rerun(stage))
        for key in values if keys else ():
            if key not in keys:
                yield Stale(stage.name, f"{file}: {key} is no longer a parameter", _rerun(stage))


def _difference(key: str, recorded: Any, actual: Any) -> str:
    """The innermost keys that differ, with both values."""
    if isinstance(recorded, dict) and isinstance(actual, dict):
        names = [
            name
            for name in dict.fromkeys([*recorded, *actual])
            if name not in recorded or name not in actual or recorded[name] != actual[name]
        ]
        return ", ".join(
            _difference(f"{key}.{name}", recorded.get(name, _ABSENT), actual.get(name, _ABSENT))
            for name in names
        )
    return f"{key} is {actual!r:.60}, dvc.lock has {recorded!r:.60}"


class _Absent:
    def __repr__(self) -> str:
        return "not set"


_ABSENT = _Absent()


def _fix(stage: Stage) -> str:
    # DVC passes over the changes of a frozen stage.
    return f"dvc unfreeze {stage.name} && {REPRO}" if stage.frozen else REPRO


def _add(stage: Stage, path: str, key: str) -> str:
    from lastro.core.params import default_of

    # DVC does not know our defaults: it stops where dvc.yaml names a key that the file lacks.
    default = default_of(key) if path == PARAMS_FILE else None
    return f"add {key} to {path}{f' (default: {default})' if default else ''} && {_fix(stage)}"


def _rerun(stage: Stage) -> str:
    # DVC takes a record that names more than dvc.yaml for up to date: plain `dvc repro` leaves it as it is.
    return f"dvc repro --force --single-item {stage.name}"
