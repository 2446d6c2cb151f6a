"""What an image really holds, read from its file system: Python packages, Debian packages, and the texts of their licences."""

from __future__ import annotations

import posixpath
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.parser import Parser
from pathlib import PurePosixPath
from typing import IO, NamedTuple

from packaging.utils import canonicalize_name

from lastro.core.docker import docker
from lastro.core.errors import ExternalError

MODEL = "opt/lastro/model/"
LICENCES = "licences.txt"
_WANTED = re.compile(
    r".*\.dist-info/[^/]+$|.*\.dist-info/(license_files|licenses|sboms)/.*|usr/share/doc/[^/]+/copyright$"
    r"|usr/share/common-licenses/.*|var/lib/dpkg/status$|var/lib/dpkg/status\.d/.*|usr/lib/os-release$"
    rf"|usr/(local/)?lib/python3[^/]*/LICENSE\.txt$|{MODEL}model\.[a-z]+$"
)
_LINKS = re.compile(r"usr/share/(doc|common-licenses)(/.*)?$")
_LICENCE = re.compile(r"licenses/|license_files/|LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|AUTHORS", re.IGNORECASE)
_PYTHON = re.compile(r"usr/.*/python3[^/]*/LICENSE\.txt")
_RULE = "=" * 100
_NO_TEXT = "Installed without a text of a licence"


class DebianPackage(NamedTuple):
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
        """Return a file's text, links followed; None where there is no such file."""
        for _ in range(10):
            if path in self.files:
                return self.files[path].decode("utf-8", "replace")
            above = (path, *map(str, PurePosixPath(path).parents))
            parent = next((at for at in above if at in self.links), None)
            if parent is None:
                return None
            target = posixpath.join("/", posixpath.dirname(parent), self.links[parent])
            path = posixpath.normpath(target + path[len(parent) :]).lstrip("/")
        return None

    def distributions(self) -> dict[str, list[str]]:
        """Return the folders NAME.dist-info, each with the paths of its files."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.files):
            if ".dist-info/" in path:
                found.setdefault(f"{path.partition('.dist-info/')[0]}.dist-info", []).append(path)
        return found

    def debian(self) -> list[DebianPackage]:
        """Return the installed packages, by name."""
        status = [self.files[path] for path in sorted(self.files) if path.startswith("var/lib/dpkg/")]
        stanzas = b"\n\n".join(status).decode("utf-8", "replace").split("\n\n")
        found = []
        for stanza in filter(None, map(str.strip, stanzas)):
            entry = Parser().parsestr(stanza)
            # Images without dpkg's own state (distroless) name no status.
            if entry.get("Status", "install ok installed").split()[-1] != "installed" or not entry["Package"]:
                continue
            name, version = entry["Package"], entry.get("Version", "")
            source = entry.get("Source", name).split()[0]
            terms = self.text(f"usr/share/doc/{name}/copyright")
            found.append(DebianPackage(name, version, entry.get("Architecture", "all"), source, terms))
        return sorted(found, key=lambda package: (package.name, package.architecture))

    def system(self) -> dict[str, str]:
        """Return what os-release(5) says."""
        lines = (self.text("usr/lib/os-release") or "").splitlines()
        pairs = (line.partition("=") for line in lines if "=" in line)
        return {key: value.strip('"') for key, _, value in pairs}

    def licences(self, declared: dict[str, str]) -> str:
        """Write every licence's text once, under the names of all that it covers, and a list of what came without one.

        declared: what each Python package says that its licence is, by canonical name.
        """
        covered: dict[str, list[str]] = {}
        for title, texts in self._licences(declared):
            for text in texts or [_NO_TEXT]:
                covered.setdefault(text.strip(), []).append(title)
        without = covered.pop(_NO_TEXT, [])
        parts = [("\n".join(dict.fromkeys(titles)), text) for text, titles in covered.items()]
        if without:
            parts.append((_NO_TEXT, "\n".join(f"  {title}" for title in without)))
        return "\n".join(f"{_RULE}\n{title}\n{_RULE}\n\n{text}\n" for title, text in parts)

    def _licences(self, declared: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
        """List what is covered, with its texts."""
        yield "Python", [self.text(path) or "" for path in self.files if _PYTHON.fullmatch(path)]
        for folder, paths in self.distributions().items():
            about = Parser().parsestr(self.text(f"{folder}/METADATA") or "", headersonly=True)
            name = about.get("Name", folder)
            terms = declared.get(canonicalize_name(name), "")
            title = f"{name} {about.get('Version', '')} (Python package){f': {terms}' if terms else ''}"
            texts = [path for path in paths if _LICENCE.match(path.removeprefix(f"{folder}/"))]
            yield title, [self.text(path) or "" for path in texts]
        for package in self.debian():
            title = f"{package.name} {package.version} (Debian package)"
            yield title, [package.copyright] if package.copyright else []
        # Debian's copyright files point at these.
        for path in sorted({*self.files, *self.links}):
            if path.startswith("usr/share/common-licenses/") and (text := self.text(path)):
                yield f"/{path}", [text]


def read_image(image: str) -> Contents:
    """Read what is wanted of an image on this machine; no program of the image is run."""
    holder = docker("create", "--network=none", "--", image).strip()
    try:
        with subprocess.Popen(["docker", "export", holder], stdout=subprocess.PIPE) as process:
            contents = read_archive(process.stdout)
            # An archive is padded beyond its end, and docker waits until somebody has read that too.
            while process.stdout.read(2**20):
                pass
        if process.returncode:
            raise ExternalError("failed, see above", where="docker export")
        return contents
    finally:
        docker("rm", "--force", holder)


def read_archive(stream: IO[bytes]) -> Contents:
    """Read what is wanted of a file system that comes as a tar archive."""
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
