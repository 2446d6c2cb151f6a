"""Whether dvc.lock is up to date: DVC's own comparison, also where the outputs are not checked out, at any revision."""

from __future__ import annotations

import hashlib
import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lastro.core.params import default_of
from lastro.operations.lineage.dvc import folder_md5

if TYPE_CHECKING:
    from dvc.dependency import Dependency, ParamsDependency
    from dvc.output import Output
    from dvc.repo import Repo
    from dvc.stage import PipelineStage

REPRO = "dvc repro"


class _Absent:
    def __repr__(self) -> str:
        return "not set"


_ABSENT = _Absent()


@dataclass(frozen=True)
class Outdated:
    """A stage whose record in dvc.lock is outdated: what differs, and the command that fixes it."""

    stage: str
    what: str
    fix: str = REPRO


@dataclass(frozen=True)
class Unverified:
    """A part of a stage's record that nothing at hand can confirm or deny, with the reason."""

    stage: str
    what: str


class UnknownContentError(Exception):
    """Nothing here can say what the content is; the message gives the reason."""


class Comparison:
    """Every difference between what dvc.yaml declares, what `lock` records and what the repository holds.

    `links`: the links and submodules of the commit, which DVC does not follow there; None for the files on disk.
    """

    def __init__(self, repo: Repo, lock: dict[str, Any], links: list[str] | None):
        self._repo = repo
        self._lock = lock
        self._links = links
        self._outputs = {out.fs_path: out for out in repo.index.outs}

    def run(self, stages: list[PipelineStage]) -> Iterator[Outdated | Unverified]:
        for stage in stages:
            recorded = self._lock.get(stage.name)
            if recorded is None:
                what = "has not been run: dvc.lock does not know it"
                yield Outdated(stage.name, what, _repro(stage))
                continue
            if stage.cmd_changed:
                yield Outdated(stage.name, "its command changed", _repro(stage))
            yield from _compare_keys(stage, recorded)
            for dep in stage.deps:
                if dep.hash_name == "params":
                    yield from self._compare_params(stage, dep)
                elif dep.def_path in _paths(recorded, "deps"):
                    yield from self._compare_dep(stage, dep)

    def _compare_params(self, stage: PipelineStage, dep: ParamsDependency) -> Iterator[Outdated]:
        path = self._place(dep)
        if not dep.exists:
            yield Outdated(stage.name, f"{path}: is missing", _repro(stage))
            return
        actual, recorded = dep.read_params(), dep.hash_info.value or {}
        for key in dep.params or dict.fromkeys([*actual, *recorded]):
            if key not in actual:
                fix = _add(stage, path, key) if dep.params else _repro(stage)
                yield Outdated(stage.name, f"{path}: {key} is missing", fix)
            elif key not in recorded:
                yield Outdated(stage.name, f"{path}: {key} is new", _repro(stage))
            # Python's equality, as DVC compares: 1 and 1.0 are the same value.
            elif actual[key] != recorded[key]:
                what = f"{path}: {_difference(key, recorded[key], actual[key])}"
                yield Outdated(stage.name, what, _repro(stage))

    def _compare_dep(self, stage: PipelineStage, dep: Dependency) -> Iterator[Outdated | Unverified]:
        path, recorded = self._place(dep), dep.hash_info.value
        if recorded is None or dep.hash_name != "md5":
            yield Unverified(stage.name, f"{path}: dvc.lock has no MD5 of it")
            return
        try:
            out = self._outputs.get(dep.fs_path)
            if out and out.stage.is_data_source and self._links is None and dep.exists:
                here = dep.get_hash().value
                if here != out.hash_info.value:
                    yield _at_odds(stage.name, path, same=here == recorded)
                    return
            current = self._tracked(dep, path) or self._content(dep, path)
        except UnknownContentError as reason:
            yield Unverified(stage.name, f"{path}: {reason}")
            return
        if current is None:
            yield Outdated(stage.name, f"{path}: is missing; put it there", _repro(stage))
        elif current != recorded and dep.exists and self._without_carriage_returns(dep) == recorded:
            fix = f"git ls-files -z {shlex.quote(path)} | xargs -0 sed -i 's/\\r$//'"
            yield Outdated(stage.name, f"{path}: only its line ends changed, to CRLF", fix)
        elif current != recorded:
            yield Outdated(stage.name, f"{path}: changed", _repro(stage))

    def _tracked(self, dep: Dependency, path: str) -> str | None:
        """The hash that dvc.lock or a .dvc file has for it, alone or inside of a folder; None if DVC does not hold it.

        An output of a stage need not lie on disk as it is recorded: the lock is judged, not the outputs.
        """
        for out in self._outputs.values():
            if not self._repo.fs.isin_or_eq(dep.fs_path, out.fs_path):
                continue
            if out.fs_path == dep.fs_path and out.hash_info:
                return out.hash_info.value
            if out.stage.is_data_source and self._links is None and dep.exists:
                return None
            if not out.hash_info:
                raise UnknownContentError("is an output that dvc.lock does not record")
            self._list(out)
            found = out.get_obj(filter_info=dep.fs_path)
            return found.hash_info.value if found else None
        return None

    def _content(self, dep: Dependency, path: str) -> str | None:
        """Hash what lies there, with what DVC holds below it and that is not there; None if nothing does."""
        if dep.fs.protocol != "local":
            raise UnknownContentError("lies elsewhere")
        fs = self._repo.fs
        parts = [out for out in self._outputs.values() if fs.isin(out.fs_path, dep.fs_path)]
        if self._links is None and all(out.exists for out in parts):
            return dep.get_hash().value if dep.exists else None
        if posixpath.isabs(path) or path.startswith(".."):
            raise UnknownContentError("lies outside the repository")
        for link in self._links or ():
            if path == "." or fs.isin_or_eq(f"/{path}", f"/{link}") or fs.isin(f"/{link}", f"/{path}"):
                raise UnknownContentError(
                    f"{link} is a link or a submodule, which is not followed in a commit"
                )
        for out in parts:
            if not out.hash_info:
                raise UnknownContentError(f"holds {self._place(out)}, which dvc.lock does not record")
            self._list(out)
        return self._hash_whole(f"/{path}")

    def _hash_whole(self, path: str) -> str:
        """Hash through DVC's file system, which shows what is in Git and what DVC holds as one folder."""
        from dvc_data.hashfile.hash import hash_file

        fs = self._repo.dvcfs
        try:
            # Not exists() and isfile(), which take an object that Git has lost for one that is not there.
            kind = fs.info(path)["type"]
        except FileNotFoundError:
            raise UnknownContentError("is neither in Git nor tracked by DVC") from None
        if kind == "file":
            return hash_file(path, fs, "md5")[1].value
        found = (fs.join(top, name) for top, _, names in fs.walk(path, dvcfiles=True) for name in names)
        return folder_md5({fs.relpath(file, path): hash_file(file, fs, "md5")[1].value for file in found})

    def _without_carriage_returns(self, dep: Dependency) -> str:
        """Hash what lies on disk with the line ends that Git keeps: Git for Windows may have written others."""
        folder, found = dep.fs.isdir(dep.fs_path), {}
        for path in self._repo.dvcignore.find(dep.fs, dep.fs_path) if folder else [dep.fs_path]:
            digest = hashlib.md5(usedforsecurity=False)
            with dep.fs.open(path, "rb") as file:
                for line in file:
                    digest.update(line.replace(b"\r\n", b"\n"))
            found[dep.fs.relpath(path, dep.fs_path)] = digest.hexdigest()
        return folder_md5(found) if folder else found["."]

    def _list(self, out: Output) -> None:
        # Otherwise DVC would ask the remote for it.
        if out.is_dir_checksum and out.get_obj() is None:
            raise UnknownContentError(
                f"cannot be told: DVC's cache here has no list of the files in {self._place(out)}"
            )

    def _place(self, item: Output) -> str:
        """The path as seen from the repository, normalised."""
        if "://" in item.def_path:
            return item.def_path
        folder = self._repo.fs.relpath(item.stage.wdir, self._repo.root_dir)
        return posixpath.normpath(posixpath.join(folder, item.def_path))


def _at_odds(stage: str, path: str, same: bool) -> Outdated:
    """A .dvc file and the data beside it differ: which one is meant is for the person to say."""
    if same:
        what = f"{path}: {path}.dvc names other data than the one on disk"
        return Outdated(stage, what, f"dvc checkout {path}.dvc && {REPRO}")
    what = f"{path}: changed on disk, and {path}.dvc does not know"
    return Outdated(stage, what, f"dvc add {path} && {REPRO}")


def _compare_keys(stage: PipelineStage, recorded: dict[str, Any]) -> Iterator[Outdated]:
    """What one of dvc.yaml and dvc.lock names and the other does not, of which DVC says nothing."""
    params = {dep.def_path: dep.params for dep in stage.deps if dep.hash_name == "params"}
    for kind, declared, section in (
        ("dependency", [dep.def_path for dep in stage.deps if dep.def_path not in params], "deps"),
        ("output", [out.def_path for out in stage.outs], "outs"),
    ):
        known = _paths(recorded, section)
        for path in declared:
            if path not in known:
                yield Outdated(stage.name, f"{path}: is a new {kind}", _repro(stage))
        for path in known:
            if path not in declared:
                yield Outdated(stage.name, f"{path}: is no longer a {kind}", _rerun(stage))
    for file, values in recorded.get("params", {}).items():
        if file not in params:
            yield Outdated(stage.name, f"{file}: is no longer a file of parameters", _rerun(stage))
        for key in values if params.get(file) else ():
            if key not in params[file]:
                yield Outdated(stage.name, f"{file}: {key} is no longer a parameter", _rerun(stage))


def _paths(recorded: dict[str, Any], section: str) -> list[str]:
    return [item["path"] for item in recorded.get(section, ())]


def _difference(key: str, recorded: Any, actual: Any) -> str:
    if isinstance(recorded, dict) and isinstance(actual, dict):
        names = [
            name
            for name in dict.fromkeys([*recorded, *actual])
            if recorded.get(name, _ABSENT) != actual.get(name, _ABSENT)
        ]
        return ", ".join(
            _difference(f"{key}.{name}", recorded.get(name, _ABSENT), actual.get(name, _ABSENT))
            for name in names
        )
    return f"{key} is {actual!r:.60}, dvc.lock has {recorded!r:.60}"


def _repro(stage: PipelineStage) -> str:
    # DVC passes over the changes of a frozen stage.
    return f"dvc unfreeze {stage.name} && {REPRO}" if stage.frozen else REPRO


def _add(stage: PipelineStage, path: str, key: str) -> str:
    # DVC does not know our defaults: it stops where dvc.yaml names a key that the file lacks.
    default = default_of(key) if path == "params.yaml" else None
    return f"add {key} to {path}{f' (default: {default})' if default else ''} && {_repro(stage)}"


def _rerun(stage: PipelineStage) -> str:
    # DVC takes a record that names more than dvc.yaml for up to date: plain `dvc repro` leaves it as it is.
    return f"dvc repro --force --single-item {stage.name}"
