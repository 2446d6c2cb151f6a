"""Content that DVC holds and Git does not: outputs of stages, and data with a .dvc file beside it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping

from lastro.core.yaml12 import load_mapping
from lastro.operations.lineage import hashes
from lastro.operations.lineage.pipeline import Recorded, Stage, read_hashes
from lastro.operations.lineage.sources import Source, UnknownContentError

_POINTER = ".dvc"


class Tracked:
    """The hashes that dvc.lock and the .dvc files of `source` record, by normalised path."""

    def __init__(self, stages: list[Stage], lock: dict[str, Recorded], source: Source):
        self._source = source
        self._outputs = {
            stage.place(path): lock[stage.name].outs.get(path) if stage.name in lock else None
            for stage in stages
            for path in stage.outs
        }
        self._pointers: dict[str, str | None] = {}

    def output(self, path: str) -> str | None:
        """The hash that the lock records for the output at `path`; None if no stage writes it.

        Raises:
            UnknownContentError: a stage writes it, and the lock does not record it.
        """
        if path in self._outputs and not self._outputs[path]:
            raise UnknownContentError("is an output that dvc.lock does not record")
        return self._outputs.get(path)

    def pointer(self, path: str) -> str | None:
        """The hash in the .dvc file beside `path`; None if there is no such file."""
        if path not in self._pointers:
            self._pointers[path] = self._read_pointer(path)
        return self._pointers[path]

    def inside_output(self, path: str) -> str | None:
        """The hash of `path` inside the folder that a stage writes; None if it lies in no such folder.

        Raises:
            UnknownContentError: the list of that folder's files is not at hand.
        """
        return self._member(path, self.output)

    def inside_pointer(self, path: str) -> str | None:
        """The hash of `path` inside a folder with a .dvc file beside it; see `inside_output`."""
        return self._member(path, self.pointer)

    def below(self, start: str, files: Mapping[str, str]) -> dict[str, str]:
        """`files` of the folder `start`, with those that DVC holds in it and that are not there."""
        complete = dict(files)
        pointers = [start + name[: -len(_POINTER)] for name in files if name.endswith(_POINTER)]
        held = {path: self.pointer(path) for path in pointers} | self._outputs
        for path, md5 in held.items():
            name = path[len(start) :]
            if not path.startswith(start) or not name or name in files:
                continue
            if any(file.startswith(f"{name}/") for file in files):
                continue
            if not md5:
                raise UnknownContentError(f"holds {path}, which dvc.lock does not record")
            if not md5.endswith(hashes.FOLDER_SUFFIX):
                complete[name] = md5
                continue
            complete |= {f"{name}/{file}": digest for file, digest in self._list(path, md5).items()}
        return complete

    def _member(self, path: str, holder: Callable[[str], str | None]) -> str | None:
        for folder in _parents(path):
            md5 = holder(folder)
            if not md5:
                continue
            files = self._list(folder, md5)
            rest = path[len(folder) + 1 :]
            inside = {name[len(rest) + 1 :]: files[name] for name in files if name.startswith(f"{rest}/")}
            return files.get(rest) or (hashes.folder_md5(inside) if inside else None)
        return None

    def _list(self, folder: str, md5: str) -> dict[str, str]:
        files = hashes.cached_folder(self._source.root, md5)
        if files is None:
            raise UnknownContentError(
                f"cannot be told: DVC's cache here has no list of the files in {folder}"
            )
        return files

    def _read_pointer(self, path: str) -> str | None:
        name = f"{path}{_POINTER}"
        if "://" in path or posixpath.basename(path) in (".", ".."):
            return None
        content = self._source.read(name)
        if content is None:
            return None
        document = load_mapping(
            content, f"{name}{self._source.suffix}", "mend it, or `dvc add` the data again"
        )
        for out, md5 in read_hashes(document, "outs", name).items():
            place = posixpath.join(posixpath.dirname(path), document.get("wdir") or ".", out)
            if posixpath.normpath(place) == path:
                return md5
        return None


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        if path == "/":
            return
        yield path
