"""Every edit is judged twice: by `lineage`, and by DVC itself on the same files."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from lastro.operations.lineage import lineage

Edit = Callable[["object"], None]


def edits() -> dict[str, Edit]:
    """What a person may do between two runs."""
    return {
        "nothing": lambda clone: None,
        "a parameter": lambda clone: clone.replace("params.yaml", "0.1", "0.2"),
        "a nested parameter of two stages": lambda clone: clone.replace("params.yaml", "[]", "[x]"),
        "a parameter no stage reads": lambda clone: clone.replace("params.yaml", "explicit", "autolog"),
        "an integer as a float": lambda clone: clone.replace("params.yaml", "depth: 3", "depth: 3.0"),
        "an integer as text": lambda clone: clone.replace("params.yaml", "depth: 3", "depth: '3'"),
        "another way to write a number": lambda clone: clone.replace("params.yaml", "0.00001", "1e-5"),
        "a word of YAML 1.1": lambda clone: clone.replace("params.yaml", "word: on", "word: true"),
        "keys in another order": lambda clone: clone.replace(
            "params.yaml", "{source: data/raw/x.csv, target: y}", "{target: y, source: data/raw/x.csv}"
        ),
        "a parameter added": lambda clone: clone.replace("params.yaml", "{metric", "{new: 1, metric"),
        "a parameter removed": lambda clone: clone.replace("params.yaml", ", resamples: 1000", ""),
        "a section removed": lambda clone: clone.replace("params.yaml", "gate: {metric: auto}\n", ""),
        "code": lambda clone: clone.write("src/prepare.py", "print(1)\n"),
        "line endings": lambda clone: clone.write("src/prepare.py", "print()\r\n"),
        "code in a folder": lambda clone: clone.write("src/pkg/a.py", "a = 2\n"),
        "a file added to a folder": lambda clone: clone.write("src/pkg/new.py", ""),
        "a file added beside a folder": lambda clone: clone.write("src/pkg-other/new.py", ""),
        "a file removed from a folder": lambda clone: (clone.root / "src/pkg/a.py").unlink(),
        "a file renamed in a folder": lambda clone: (clone.root / "src/pkg/a.py").rename(
            clone.root / "src/pkg/b.py"
        ),
        "an executable bit": lambda clone: (clone.root / "src/pkg/a.py").chmod(0o644),
        "a link to a file": lambda clone: (clone.root / "src/pkg/z.py").symlink_to("a.py"),
        "a link to a folder": lambda clone: (clone.root / "src/pkg/z").symlink_to("../pkg-other"),
        "the target of a link": lambda clone: clone.write("src/pkg/deep/é b.txt", "other\n"),
        "a folder behind a link": move_folder_behind_link,
        "byte code": lambda clone: clone.write("src/pkg/__pycache__/a.cpython-311.pyc", "noise"),
        "byte code, old place": lambda clone: clone.write("src/pkg/deep/a.pyc", "noise"),
        "package metadata": lambda clone: clone.write("src/pkg/x.egg-info/PKG-INFO", "noise"),
        "an editor's swap file": lambda clone: clone.write("src/pkg/.a.py.swp", "noise"),
        "more in .dvcignore": lambda clone: clone.write(".dvcignore", "__pycache__\nsrc/pkg/deep/\n"),
        "the source": lambda clone: clone.write("data/raw/x.csv", "x,y\n1,2\n"),
        "a dependency removed": lambda clone: (clone.root / "b.txt").unlink(),
        "a command": lambda clone: clone.replace("dvc.yaml", "cp b.txt", "cp  b.txt"),
        "another source": another_source,
        "a new dependency": lambda clone: clone.replace("dvc.yaml", "[data/prepared, ", "[src/pkg, "),
        "a new parameter of a stage": lambda clone: clone.replace("dvc.yaml", "[model]", "[model, name]"),
        "a stage renamed": lambda clone: clone.replace("dvc.yaml", "evaluate:", "judge:"),
        "a folder of data": folder_source,
        "a folder of data, edited": lambda clone: (folder_source(clone), clone.dvc("repro", "-q"),
                                                   clone.write("parts/2.csv", "new")),
        "data given to DVC": tracked_source,
        "data given to DVC, edited": lambda clone: (tracked_source(clone),
                                                    clone.write("data/big.csv", "edited")),
        "data given to DVC, edited and added": lambda clone: (tracked_source(clone),
                                                              clone.write("data/big.csv", "edited"),
                                                              clone.dvc("add", "-q", "data/big.csv")),
    }  # fmt: skip


def another_source(clone) -> None:
    clone.write("data/raw/y.csv", "x,y\r\n1,2\r\n")
    clone.replace("params.yaml", "x.csv", "y.csv")


def folder_source(clone) -> None:
    clone.write("parts/1.csv", "1")
    clone.write("parts/2.csv", "2")
    clone.replace("params.yaml", "data/raw/x.csv", "parts")


def tracked_source(clone) -> None:
    clone.write("data/big.csv", "big")
    clone.dvc("add", "--quiet", "data/big.csv")
    clone.replace("params.yaml", "data/raw/x.csv", "data/big.csv")
    clone.dvc("repro", "--quiet")


def move_folder_behind_link(clone) -> None:
    shutil.move(clone.root / "src/pkg", clone.root / "src/real")
    (clone.root / "src/pkg").symlink_to("real")


# Their state is on disk alone: a commit doesn't hold it.
ON_DISK_ONLY = {"data given to DVC, edited"}


def seen_by_dvc(clone) -> dict[str, set[str]]:
    """Stage: the files that differ, and `command`. Outputs are left out: the lock is what is judged."""
    found: dict[str, set[str]] = {}
    for stage, changes in clone.dvc_status().items():
        if stage.endswith(".dvc"):
            continue
        for change in changes:
            if change == "changed command":
                found.setdefault(stage, set()).add("command")
            elif "changed deps" in change:
                found.setdefault(stage, set()).update(change["changed deps"])
    return found


def seen_by_lineage(found: lineage.Lineage) -> dict[str, set[str]]:
    seen: dict[str, set[str]] = {}
    for stale in found.stale:
        if "no longer" not in stale.what:
            what = "command" if "command" in stale.what else stale.what.partition(":")[0]
            seen.setdefault(stale.stage, set()).add(what)
    return seen


@pytest.mark.e2e
@pytest.mark.parametrize("edit", edits())
def test_lineage_agrees_with_dvc(clone, edit):
    edits()[edit](clone)
    expected = seen_by_dvc(clone)
    if edit == "a stage renamed":
        # DVC lists the parts of a stage that it has never run; the stage itself says as much.
        expected = {stage: {"has not been run"} for stage in expected}

    found = lineage.read(clone.root)
    assert seen_by_lineage(found) == expected
    assert not found.unverified

    clone.commit()
    committed = lineage.read(clone.root, "HEAD")
    if edit == "a dependency removed":
        # A commit can't tell a file that is gone from one that Git was never given.
        assert {item.stage for item in committed.unverified} == {item.stage for item in found.stale}
    elif edit not in ON_DISK_ONLY:
        assert committed.stale == found.stale
        assert not committed.unverified


@pytest.mark.e2e
@pytest.mark.parametrize("old", ["src/prepare.py, ", ", evaluation.slices", "metrics: [reports", "a file"])
def test_what_dvc_yaml_no_longer_names_is_stale_and_the_mend_helps(clone, old):
    if old == "metrics: [reports":
        clone.replace("dvc.yaml", "    metrics: [reports/metrics.json: {cache: true}]\n", "")
    elif old == "a file":
        clone.replace("dvc.yaml", "    params: [model]\n", "")
    else:
        clone.replace("dvc.yaml", old, "")

    # DVC calls it up to date and leaves the record as it is, which is why the mend is another command.
    assert not seen_by_dvc(clone)
    (stale,) = lineage.read(clone.root).stale
    assert "no longer" in stale.what

    clone.dvc(*stale.fix.split()[1:])
    assert not lineage.read(clone.root).stale


@pytest.mark.e2e
@pytest.mark.parametrize(
    "edit",
    ["a parameter", "code in a folder", "a command", "a stage renamed", "a new dependency",
     "data given to DVC, edited", "data given to DVC, edited and added"],
)  # fmt: skip
def test_the_mend_helps(clone, edit):
    edits()[edit](clone)
    if edit == "a stage renamed":
        clone.dvc("repro", "--quiet")
        assert not lineage.read(clone.root).stale
        return
    for fix in {stale.fix for stale in lineage.read(clone.root).stale}:
        for command in fix.split(" && "):
            clone.dvc(*command.split()[1:])

    assert not lineage.read(clone.root).stale
    assert not seen_by_dvc(clone)
