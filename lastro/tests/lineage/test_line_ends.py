"""Line ends are no change: Git for Windows writes CRLF into a checkout, and DVC hashes bytes."""

from __future__ import annotations

import subprocess

import pytest

from lastro.operations.lineage import lineage
from tests.clones import make_clone


def files(folder) -> dict[str, bytes]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=folder, capture_output=True, text=True, check=True)
    return {name: (folder / name).read_bytes() for name in filter(None, listed.stdout.split("\0"))}


def test_checkout_of_git_for_windows_has_the_same_bytes(root, tmp_path):
    here = make_clone(root, tmp_path / "here")
    here.write("data/kept.csv", "x,y\r\n1,2\r\n")
    here.commit("a table of another system")
    options = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    subprocess.run(["git", *options, "clone", "--quiet", here.folder, tmp_path / "there"], check=True)
    assert files(tmp_path / "there") == files(here.folder)


@pytest.mark.parametrize("paths", [["b.txt"], ["src/pkg/a.py", "src/pkg/deep/é b.txt"], ["src/prepare.py"]])
def test_line_ends_alone_are_told_from_a_change(clone, paths):
    for path in paths:
        clone.write(path, (clone.root / path).read_bytes().replace(b"\n", b"\r\n"))
    outdated = lineage.read(clone.root).outdated
    assert outdated
    for item in outdated:
        assert "only its line ends" in item.what
        assert "dvc repro" not in item.fix
        subprocess.run(item.fix, shell=True, cwd=clone.root, check=True)
    assert lineage.read(clone.root).outdated == ()


def test_line_ends_and_a_change_are_a_change(clone):
    clone.write("b.txt", b"b\r\nc\r\n")
    assert {item.what for item in lineage.read(clone.root).outdated} == {"b.txt: changed"}
