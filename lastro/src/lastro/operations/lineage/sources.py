"""Where content is looked up: the files on disk, or a revision in Git."""

from __future__ import annotations

import os
import posixpath
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from lastro.core.errors import LastroError
from lastro.operations.lineage import git, hashes

if TYPE_CHECKING:
    from lastro.operations.lineage.ignore import Ignore

Kind = Literal["file", "folder"]
_LINKS_FOLLOWED = 40


class UnknownContentError(Exception):
    """Nothing here can say what the content is; the message gives the reason."""


class Source(Protocol):
    """Content by path, relative to the repository, with /; a path may also be absolute or start with `..`."""

    root: Path
    suffix: str  # what a message puts after a file's name
    on_disk: bool

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None if there is none."""

    def kind(self, path: str) -> Kind | None:
        """What lies there; None if nothing does."""

    def file_md5(self, path: str) -> str:
        """DVC's hash of the file."""

    def files(self, folder: str) -> list[str]:
        """The files that DVC counts in `folder`, relative to it, at any depth."""


def is_outside(path: str) -> bool:
    """Whether the normalised `path` leaves the repository."""
    return posixpath.isabs(path) or path == ".." or path.startswith("../")


class WorkingTree:
    """The files on disk, tracked or not."""

    suffix = ""
    on_disk = True

    def __init__(self, root: Path):
        self.root = root

    @cached_property
    def _ignore(self) -> Ignore:
        return _ignore_of(self)

    def read(self, path: str) -> bytes | None:
        """See Source."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(path, error) from None

    def kind(self, path: str) -> Kind | None:
        """See Source."""
        place = self.root / path
        return "folder" if place.is_dir() else "file" if place.is_file() else None

    def file_md5(self, path: str) -> str:
        """See Source."""
        try:
            return hashes.file_md5(self.root / path)
        except OSError as error:
            raise _unreadable(path, error) from None

    def files(self, folder: str) -> list[str]:
        """See Source. Links to folders are not followed, which is DVC's way too."""
        top = os.path.join(self.root, folder)
        found = []
        for place, folders, names in os.walk(top, onerror=lambda error: _fail(folder, error)):
            below = "" if place == top else os.path.relpath(place, top).replace(os.sep, "/") + "/"
            if not is_outside(folder):
                # A folder outside the repository is beyond the reach of .dvcignore.
                here = f"{folder}/{below}" if folder != "." else below
                folders[:] = [name for name in folders if not self._ignore.ignores(here + name, True)]
                names = [name for name in names if not self._ignore.ignores(here + name)]
            found += [below + name for name in names]
        return found


class Revision:
    """The files of a commit, read from Git's object store. Links are followed inside the commit."""

    on_disk = False

    def __init__(self, root: Path, rev: str, commit: str, blobs: git.Blobs):
        self.root = root
        self.suffix = f" at {rev}"
        self._blobs = blobs
        self._entries = git.tree(root, commit)
        self._folders = {
            path[:end] for path in self._entries for end, sign in enumerate(path) if sign == "/"
        } | {"."}
        self._md5: dict[str, str] = {}

    @cached_property
    def _ignore(self) -> Ignore:
        return _ignore_of(self)

    def read(self, path: str) -> bytes | None:
        """See Source."""
        try:
            entry = self._entries.get(self._follow(path))
        except UnknownContentError:
            return None
        return self._blobs.read(entry.oid) if entry else None

    def kind(self, path: str) -> Kind | None:
        """See Source.

        Raises:
            UnknownContentError: the path, or a link in it, leaves the repository or enters a submodule.
        """
        path = self._follow(path)
        return "file" if path in self._entries else "folder" if path in self._folders else None

    def file_md5(self, path: str) -> str:
        """See Source and `kind`."""
        oid = self._entries[self._follow(path)].oid
        if oid not in self._md5:
            digest = hashes.hasher()
            self._blobs.copy(oid, digest.update)
            self._md5[oid] = digest.hexdigest()
        return self._md5[oid]

    def files(self, folder: str) -> list[str]:
        """See Source and `kind`."""
        top = self._follow(folder)
        start = "" if top == "." else f"{top}/"
        found = []
        for path, entry in self._entries.items():
            if not path.startswith(start) or self._ignore.ignores(path):
                continue
            if entry.mode == git.SUBMODULE or (entry.mode == git.LINK and self.kind(path) is None):
                raise UnknownContentError(f"{path} is a submodule, or a link to what is not in Git")
            if self.kind(path) == "file":
                found.append(path[len(start) :])
        return found

    def _follow(self, path: str) -> str:
        """`path` with every link in it replaced by where it leads."""
        todo = posixpath.normpath(path).split("/")
        done, links = ".", 0
        while todo:
            # The first part of an absolute path is empty, and so would be lost in the join.
            done = posixpath.normpath(posixpath.join(done, todo.pop(0) or "/"))
            if is_outside(done):
                raise UnknownContentError("lies outside the repository")
            entry = self._entries.get(done)
            if entry and entry.mode == git.SUBMODULE:
                raise UnknownContentError(f"{done} is a submodule")
            if entry and entry.mode == git.LINK:
                links += 1
                if links > _LINKS_FOLLOWED:
                    raise UnknownContentError("is a link that leads back to itself")
                todo = os.fsdecode(self._blobs.read(entry.oid)).split("/") + todo
                done = posixpath.dirname(done) or "."
        return done


def _ignore_of(source: Source) -> Ignore:
    # Imported late: it costs a quarter of the time of `lastro status`, and only folders need it.
    from lastro.operations.lineage.ignore import Ignore

    return Ignore(source.read)


def _fail(path: str, error: OSError) -> None:
    raise _unreadable(path, error)


def _unreadable(path: str, error: OSError) -> LastroError:
    return LastroError(f"cannot be read ({error.strerror})", where=path, fix="mend the file's permissions")
