"""What an image really holds, read from its file system: Python packages, Debian packages, and the texts of their licences."""

from __future__ import annotations

import posixpath
import re
import tarfile
from dataclasses import dataclass, field
from email.parser import Parser
from pathlib import PurePosixPath
from typing import IO

from lastro.operations.image.docker import exported

MODEL = "opt/lastro/model/"
_WANTED = re.compile(
    r".*\.dist-info/[^/]+$|.*\.dist-info/(license_files|licenses|sboms)/.*|usr/share/doc/[^/]+/copyright$"
    r"|usr/share/common-licenses/.*|var/lib/dpkg/status$|var/lib/dpkg/status\.d/.*|usr/lib/os-release$"
    rf"|usr/(local/)?lib/python3[^/]*/LICENSE\.txt$|{MODEL}model\.[a-z]+$"
)
_LINKS = re.compile(r"usr/share/(doc|common-licenses)(/.*)?$")


@dataclass(frozen=True)
class DebianPackage:
    """An installed package, as dpkg recorded it; copyright: the text of its copyright file, None where there is none."""

    name: str
    version: str
    architecture: str
    source: str
    copyright: str | None


@dataclass
class Contents:
    """Files of an image by their path without the leading slash, and the symbolic links among documents."""

    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def text(self, path: str) -> str | None:
        """A file's text, links followed; None where there is no such file."""
        for _ in range(10):
            if path in self.files:
                return self.files[path].decode("utf-8", "replace")
            parent = next(
                (at for at in (path, *map(str, PurePosixPath(path).parents)) if at in self.links), None
            )
            if parent is None:
                return None
            target = posixpath.join("/", posixpath.dirname(parent), self.links[parent])
            path = posixpath.normpath(target + path[len(parent) :]).lstrip("/")
        return None

    def distributions(self) -> dict[str, list[str]]:
        """Folders NAME.dist-info, each with the paths of its files."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.files):
            folder, mark, _ = path.partition(".dist-info/")
            if mark:
                found.setdefault(f"{folder}.dist-info", []).append(path)
        return found

    def debian(self) -> list[DebianPackage]:
        """The installed packages, by name."""
        status = [self.files[path] for path in sorted(self.files) if path.startswith("var/lib/dpkg/")]
        stanzas = b"\n\n".join(status).decode("utf-8", "replace").split("\n\n")
        found = []
        for stanza in filter(None, map(str.strip, stanzas)):
            entry = Parser().parsestr(stanza)
            # Images without dpkg's own state (distroless) name no status.
            if entry.get("Status", "install ok installed").split()[-1] != "installed" or not entry["Package"]:
                continue
            name = entry["Package"]
            found.append(
                DebianPackage(
                    name,
                    entry.get("Version", ""),
                    entry.get("Architecture", "all"),
                    entry.get("Source", name).split()[0],
                    self.text(f"usr/share/doc/{name}/copyright"),
                )
            )
        return sorted(found, key=lambda package: (package.name, package.architecture))

    def system(self) -> dict[str, str]:
        """What os-release(5) says."""
        lines = (self.text("usr/lib/os-release") or "").splitlines()
        pairs = (line.partition("=") for line in lines if "=" in line)
        return {key: value.strip('"') for key, _, value in pairs}


def read_contents(image: str) -> Contents:
    """What is wanted of an image on this machine; nothing of it is run.

    Raises:
        ExternalError: Docker fails.
    """
    with exported(image) as stream:
        return read_archive(stream)


def read_archive(stream: IO[bytes]) -> Contents:
    """What is wanted of a file system that comes as a tar archive."""
    contents = Contents()
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            path = member.name.removeprefix("./").lstrip("/")
            if member.isfile() and _WANTED.match(path):
                contents.files[path] = archive.extractfile(member).read()
            elif member.issym() and _LINKS.match(path):
                contents.links[path] = member.linkname
            elif member.islnk() and _WANTED.match(path) and member.linkname in contents.files:
                contents.files[path] = contents.files[member.linkname]
    return contents
