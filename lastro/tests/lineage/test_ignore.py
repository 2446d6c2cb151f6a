"""The patterns of .dvcignore, judged by DVC's own filter."""

from __future__ import annotations

import pytest
from dvc.fs import LocalFileSystem
from dvc.ignore import DvcIgnoreFilter

from lastro.operations.lineage.sources import WorkingTree

FILES = [
    "src/pkg/a.py", "src/pkg/a.pyc", "src/pkg/__pycache__/a.pyc", "src/pkg/__pycache__/keep.txt",
    "src/pkg/x.egg-info/PKG-INFO", "src/pkg/build", "src/pkg/sub/build/b.py", "src/pkg/sub/build2/b.py",
    "src/pkg/#hash", "src/pkg/.git", "src/pkg/sub/.dvc/config", "src/pkg/keep.pyc", "src/pkg/ space",
]  # fmt: skip


@pytest.mark.parametrize(
    "patterns",
    [
        [],
        ["__pycache__", "*.pyc", "*.egg-info"],
        ["*.pyc", "!keep.pyc"],
        ["!keep.pyc", "*.pyc"],
        ["build/"],
        ["/src/pkg/build"],
        ["src/*/sub"],
        ["**/sub/**"],
        ["# a comment", "", "  *.pyc  ", "\\#hash"],
        ["[ab].py*"],
        ["*", "!*.py"],
        ["pkg"],
        ["/pkg"],
    ],
)
def test_patterns_mean_what_they_mean_to_dvc(tmp_path, patterns):
    for file in FILES:
        place = tmp_path / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
    (tmp_path / ".dvcignore").write_text("\n".join(patterns))

    fs = LocalFileSystem()
    judge = DvcIgnoreFilter(fs, str(tmp_path))
    top = str(tmp_path / "src/pkg")
    # DVC's own projects inside a folder (src/pkg/sub/.dvc) are left out by it; this template has none.
    expected = {path[len(top) + 1 :] for path in judge.find(fs, top, ignore_subrepos=False)}

    assert set(WorkingTree(tmp_path).files("src/pkg")) == expected


def test_a_file_further_down_overrules(tmp_path):
    for name in ("a.pyc", "b.tmp"):
        place = tmp_path / "src/pkg" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
    (tmp_path / ".dvcignore").write_text("*.pyc\n")
    (tmp_path / "src/.dvcignore").write_text("!a.pyc\n*.tmp\n")

    fs = LocalFileSystem()
    top = str(tmp_path / "src/pkg")
    expected = {path[len(top) + 1 :] for path in DvcIgnoreFilter(fs, str(tmp_path)).find(fs, top)}

    assert set(WorkingTree(tmp_path).files("src/pkg")) == expected == {"a.pyc"}


def test_outside_the_repository_nothing_is_ignored(tmp_path):
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone/.dvcignore").write_text("*.pyc\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.pyc").write_text("")

    assert WorkingTree(tmp_path / "clone").files("../data") == ["a.pyc"]
