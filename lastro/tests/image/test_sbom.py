"""The bill of materials and the licences, of a file system with packages as they are installed here."""

from __future__ import annotations

import importlib.metadata
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from lastro.cli.main import cli
from lastro.core.errors import LastroError
from lastro.operations.image import sbom
from lastro.operations.image.contents import read_archive

pytestmark = pytest.mark.e2e
SITE = "opt/lastro/site/"
STATUS = """\
Package: libtiny1
Status: install ok installed
Architecture: amd64
Source: tiny (1.2)
Version: 1:1.2-3+b1
Description: a library
 that is small

Package: tiny-data
Status: install ok installed
Architecture: all
Version: 1.2-3

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
KNOWN = {
    "Id": f"sha256:{'ab' * 32}",
    "Created": "2026-01-02T03:04:05.678901234Z",
    "Config": {
        "Env": ["PATH=/usr/bin", "PYTHON_VERSION=3.11.7"],
        "Labels": {
            "org.opencontainers.image.title": "town",
            "org.opencontainers.image.version": "1.2.3",
            "org.opencontainers.image.created": "2026-01-02T03:04:05+00:00",
            "org.opencontainers.image.revision": "c" * 40,
            "lastro.version": "7",
        },
    },
}


@pytest.fixture(scope="module")
def archive() -> bytes:
    """A file system: two packages with their real metadata, dpkg's records, documents, a model, and things beside."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as made:

        def add(path: str, content: bytes) -> None:
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))

        for name in ("orjson", "uvicorn"):
            for file in importlib.metadata.files(name):
                if ".dist-info/" in str(file) and file.name != "RECORD":
                    add(f"{SITE}{file}", Path(file.locate()).read_bytes())
        add(f"{SITE}orjson/orjson.so", b"not read")
        add("var/lib/dpkg/status", STATUS.encode())
        add("usr/share/doc/tiny-data/copyright", b"Tiny is free.\n")
        link = tarfile.TarInfo("usr/share/doc/libtiny1")
        link.type, link.linkname = tarfile.SYMTYPE, "tiny-data"
        made.addfile(link)
        add("usr/share/common-licenses/GPL-3", b"GNU GENERAL PUBLIC LICENSE\n")
        link = tarfile.TarInfo("usr/share/common-licenses/GPL")
        link.type, link.linkname = tarfile.SYMTYPE, "GPL-3"
        made.addfile(link)
        add("usr/lib/os-release", b'ID=debian\nVERSION_ID="12"\n')
        add("usr/local/lib/python3.11/LICENSE.txt", b"PYTHON SOFTWARE FOUNDATION LICENSE\n")
        add("opt/lastro/model/model.ubj", b"trees")
    return sink.getvalue()


@pytest.fixture(scope="module")
def contents(archive):
    return read_archive(io.BytesIO(archive))


@pytest.fixture(scope="module")
def described(contents) -> str:
    return sbom.describe(KNOWN, contents)


def test_components_are_what_the_file_system_holds(described):
    content = json.loads(described)
    found = {part.get("purl", part["name"]): part for part in content["components"]}
    installed = {name: importlib.metadata.version(name) for name in ("orjson", "uvicorn")}
    assert set(found) == {
        *(f"pkg:pypi/{name}@{version}" for name, version in installed.items()),
        "pkg:deb/debian/libtiny1@1:1.2-3%2Bb1?arch=amd64&distro=debian-12&upstream=tiny",
        "pkg:deb/debian/tiny-data@1.2-3?arch=all&distro=debian-12",
        "pkg:generic/python@3.11.7",
        "debian",
        "town",
        "lastro_scoring",
    }
    assert found["town"]["type"] == "machine-learning-model"
    assert {"alg": "MD5", "content": "2d5563ed288ac5396add9b78fbca810b"} in found["town"]["hashes"]
    inner = found[f"pkg:pypi/orjson@{installed['orjson']}"]["components"]
    assert any(part["purl"].startswith("pkg:cargo/") for part in inner)
    image = content["metadata"]["component"]
    assert (image["name"], image["version"], image["type"]) == ("town", "1.2.3", "container")
    assert {"name": "lastro.image", "value": KNOWN["Id"]} in image["properties"]
    needs = next(each for each in content["dependencies"] if each["ref"] == image["bom-ref"])
    assert len(needs["dependsOn"]) == len(content["components"])


def test_same_image_gives_the_same_text_without_a_path_of_this_machine(contents, described):
    assert sbom.describe(KNOWN, contents) == described
    assert "/tmp" not in described
    assert str(Path(sys.prefix)) not in described
    assert json.loads(described)["metadata"]["timestamp"] == "2026-01-02T03:04:05+00:00"


def test_every_licence_stands_there_once(contents, described):
    text = contents.licences(sbom.declared(described))
    orjson = f"orjson {importlib.metadata.version('orjson')} (Python package): "
    assert orjson in text
    assert "Mozilla Public License" in text
    assert text.count("Tiny is free.") == 1
    assert "libtiny1 1:1.2-3+b1 (Debian package)\ntiny-data 1.2-3 (Debian package)\n" in text
    assert text.count("GNU GENERAL PUBLIC LICENSE") == 1
    assert "PYTHON SOFTWARE FOUNDATION LICENSE" in text
    assert "gone" not in text
    assert "Installed without a text" not in text


def test_what_comes_without_a_licence_is_named(contents):
    bare = read_archive(io.BytesIO(_tar({"var/lib/dpkg/status": STATUS.encode()})))
    text = bare.licences({})
    assert text.rstrip().endswith("libtiny1 1:1.2-3+b1 (Debian package)\n  tiny-data 1.2-3 (Debian package)")


def _tar(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as made:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return sink.getvalue()


def test_without_the_tool_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "cyclonedx_py", raising=False)
    with pytest.raises(
        LastroError, match=r"not installed here; .*pip install --require-hashes -r requirements/sbom.lock"
    ):
        cli.main(["image", "sbom", "model:1"], standalone_mode=False)
