"""What makes a lock outdated, what can't be told, and what looks like a change and is none."""

from __future__ import annotations

import hashlib
import shutil

import pytest

from lastro.operations.lineage import lineage


def md5(path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def record(clone, stage: str, section: str, path: str, **entry) -> None:
    """Change one entry of dvc.lock by hand."""
    document = clone.lock()
    item = next(item for item in document["stages"][stage][section] if item["path"] == path)
    item |= entry
    clone.write_lock(document)


def test_a_clone_without_data_is_up_to_date(clone, tmp_path):
    clone.git("clone", "--quiet", str(clone.root), str(tmp_path / "fresh"))
    fresh = type(clone)(tmp_path / "fresh")
    assert not (fresh.root / "models/model.bin").exists()

    for rev in (None, "HEAD"):
        found = lineage.read(fresh.root, rev)
        assert found.outdated == ()
        # A file inside an output is known by the list in DVC's cache, and a fresh clone has no cache.
        assert [item.stage for item in found.unverified] == ["evaluate"]
        assert "data/prepared/b.txt: " in found.unverified[0].what


def test_a_file_inside_an_output_is_found_in_the_cache(clone):
    shutil.rmtree(clone.root / "data/prepared")
    assert lineage.read(clone.root) == lineage.read(clone.root, "HEAD")

    record(clone, "evaluate", "deps", "data/prepared/b.txt", md5="0" * 32)
    assert [item.what for item in lineage.read(clone.root).outdated] == ["data/prepared/b.txt: changed"]


def test_an_upstream_output_that_moved_on_is_outdated(clone):
    record(clone, "train", "deps", "data/prepared", md5="0" * 32 + ".dir")

    assert [(item.stage, item.what) for item in lineage.read(clone.root).outdated] == [
        ("train", "data/prepared: changed")
    ]


def test_data_outside_the_repository_is_hashed_on_disk_and_unverified_elsewhere(clone, tmp_path):
    outside = tmp_path / "outside.csv"
    outside.write_text("x,y\n")
    for source in ("../outside.csv", str(outside)):
        clone.write(
            "params.yaml", (clone.root / "params.yaml").read_text().replace("data/raw/x.csv", source, 1)
        )
        document = clone.lock()
        prepare = document["stages"]["prepare"]
        prepare["cmd"] = prepare["cmd"].replace("data/raw/x.csv", source)
        next(item for item in prepare["deps"] if item["path"] == "data/raw/x.csv").update(
            path=source, md5=md5(outside)
        )
        prepare["params"]["params.yaml"]["data"]["source"] = source
        clone.write_lock(document)
        clone.commit()

        assert (lineage.read(clone.root).outdated, lineage.read(clone.root).unverified) == ((), ())
        committed = lineage.read(clone.root, "HEAD")
        assert committed.outdated == ()
        assert [item.what for item in committed.unverified] == [f"{source}: lies outside the repository"]

        outside.write_text("changed")
        assert [item.what for item in lineage.read(clone.root).outdated] == [f"{source}: changed"]
        outside.unlink()
        assert [item.what for item in lineage.read(clone.root).outdated] == [
            f"{source}: is missing; put it there"
        ]
        clone.git("reset", "--quiet", "--hard", "HEAD~1")
        outside.write_text("x,y\n")


def test_an_absolute_path_inside_the_repository_is_recorded_as_a_relative_one(clone):
    clone.replace("dvc.yaml", ", b.txt]", f", {clone.root}/b.txt]")

    assert lineage.read(clone.root).outdated == ()


def test_data_that_git_does_not_hold_is_unverified_at_a_revision(clone):
    clone.write(".gitignore", "/b.txt\n")
    clone.git("rm", "--cached", "--quiet", "b.txt")
    clone.commit()

    assert lineage.read(clone.root).unverified == ()
    found = lineage.read(clone.root, "HEAD")
    assert {item.stage for item in found.unverified} == {"prepare", "train"}
    assert found.unverified[0].what == "b.txt: is neither in Git nor tracked by DVC"
    assert found.outdated == ()


@pytest.mark.e2e
def test_data_given_to_dvc_is_known_by_its_pointer(clone):
    clone.write("data/raw/x.csv", "other\n")
    clone.git("rm", "--cached", "--quiet", "data/raw/x.csv")
    clone.dvc("add", "--quiet", "data/raw/x.csv")
    clone.dvc("repro", "--quiet")
    clone.commit()
    clone.write("data/raw/x.csv", "next\n")
    clone.dvc("add", "--quiet", "data/raw/x.csv")
    clone.commit()

    assert lineage.read(clone.root, "HEAD~1").outdated == ()
    for rev in (None, "HEAD"):
        assert [item.what for item in lineage.read(clone.root, rev).outdated] == ["data/raw/x.csv: changed"]
    (clone.root / "data/raw/x.csv").unlink()
    assert [item.what for item in lineage.read(clone.root).outdated] == ["data/raw/x.csv: changed"]

    # A pull brought a new pointer, and the data on disk is still what the lock records.
    clone.write("data/raw/x.csv", "other\n")
    (outdated,) = lineage.read(clone.root).outdated
    assert outdated.fix == "dvc checkout data/raw/x.csv.dvc && dvc repro"
    clone.dvc("checkout", "--quiet", "data/raw/x.csv.dvc")
    clone.dvc("repro", "--quiet")
    assert lineage.read(clone.root).outdated == ()


@pytest.mark.e2e
def test_a_folder_of_parts_that_are_given_to_dvc_one_by_one(clone):
    for part in "12":
        clone.write(f"parts/{part}.csv", part)
        clone.dvc("add", "--quiet", f"parts/{part}.csv")
    clone.write("parts/more/3.csv", "3")
    clone.dvc("add", "--quiet", "parts/more")
    clone.replace("params.yaml", "data/raw/x.csv", "parts")
    clone.dvc("repro", "--quiet")
    clone.commit()

    assert lineage.read(clone.root, "HEAD") == lineage.read(clone.root)
    assert (lineage.read(clone.root).outdated, lineage.read(clone.root).unverified) == ((), ())
    shutil.rmtree(clone.root / "parts/more")
    (clone.root / "parts/2.csv").unlink()
    assert lineage.read(clone.root).outdated == ()

    shutil.rmtree(clone.root / ".dvc/cache")
    (found,) = [item for item in lineage.read(clone.root, "HEAD").unverified if item.stage == "prepare"]
    assert "list of the files in parts/more" in found.what


def test_a_link_is_followed_on_disk_and_unverified_in_a_commit(clone):
    (clone.root / "b.txt").rename(clone.root / "src/b.txt")
    (clone.root / "b.txt").symlink_to("src/b.txt")
    (clone.root / "src/pkg").rename(clone.root / "src/real")
    (clone.root / "src/pkg").symlink_to("real")
    clone.commit()

    assert (lineage.read(clone.root).outdated, lineage.read(clone.root).unverified) == ((), ())
    found = lineage.read(clone.root, "HEAD")
    assert found.outdated == ()
    why = "is a link or a submodule, which is not followed in a commit"
    assert {item.what for item in found.unverified} == {f"b.txt: b.txt {why}", f"src/pkg: src/pkg {why}"}


def test_a_stage_that_was_never_run_is_outdated(clone):
    document = clone.lock()
    del document["stages"]["evaluate"]
    clone.write_lock(document)

    found = lineage.read(clone.root)
    assert [(item.stage, item.what) for item in found.outdated] == [
        ("evaluate", "has not been run: dvc.lock does not know it")
    ]
    assert found.predictions is None


@pytest.mark.parametrize(
    ("old", "new", "key", "default"),
    [
        ("slices: [], ", "", "evaluation.slices", "[]"),
        ("gate: {metric: auto}\n", "", "gate", "{}"),
        ("data: {source: data/raw/x.csv, target: y}\n", "raw: data/raw/x.csv\n", "data", None),
    ],
)
def test_a_key_that_dvc_watches_is_put_back_by_its_fix(clone, old, new, key, default):
    # `dvc repro` alone says that the parameter is missing, for ever.
    clone.replace("params.yaml", old, new)
    clone.replace("dvc.yaml", "${data.source}", "${raw}") if default is None else None
    fixes = {item.what: item.fix for item in lineage.read(clone.root).outdated}
    said = f" (default: {default})" if default else ""
    assert fixes[f"params.yaml: {key} is missing"] == f"add {key} to params.yaml{said} && dvc repro"


def test_a_frozen_stage_is_thawed_by_its_fix(clone):
    clone.replace("dvc.yaml", "    outs: [data/prepared]", "    frozen: true\n    outs: [data/prepared]")
    clone.write("b.txt", "changed\n")

    assert [item.fix for item in lineage.read(clone.root).outdated] == [
        "dvc unfreeze prepare && dvc repro", "dvc repro"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "stage",
    ["vars: [{a: b.txt}]\n    cmd: cat ${a}\n    deps: ['${a}']",
     "foreach: [b.txt]\n    do: {cmd: 'cat ${item}', deps: ['${item}']}"],
)  # fmt: skip
def test_every_template_of_dvc_is_resolved(clone, stage):
    clone.write("dvc.yaml", (clone.root / "dvc.yaml").read_text() + f"  extra:\n    {stage}\n")
    name = "extra@b.txt" if "foreach" in stage else "extra"
    assert [item.stage for item in lineage.read(clone.root).outdated] == [name]

    clone.dvc("repro", "--quiet")
    assert (lineage.read(clone.root).outdated, lineage.read(clone.root).unverified) == ((), ())


EDITS = {
    "an integer as a float": (("params.yaml", "depth: 3", "depth: 3.0"), ()),
    "an integer as text": (("params.yaml", "depth: 3", "depth: '3'"), ["train"]),
    "another way to write a number": (("params.yaml", "0.00001", "1e-5"), ()),
    "a word of YAML 1.1": (("params.yaml", "word: on", "word: true"), ["train"]),
    "a parameter no stage reads": (("params.yaml", "explicit", "autolog"), ()),
    "a parameter added": (("params.yaml", "{metric", "{new: 1, metric"), ["evaluate"]),
    "a parameter removed": (("params.yaml", ", resamples: 1000", ""), ["evaluate"]),
    "code in a folder": (("src/pkg/a.py", "1", "2"), ["prepare"]),
    "code beside a folder": (("src/pkg-other/a.py", "not", "Not"), ()),
    "a folder that is ignored": ((".dvcignore", "__pycache__", "src/pkg/deep/"), ["prepare"]),
    "a command": (("dvc.yaml", "cp b.txt", "cp  b.txt"), ["prepare"]),
    "a new dependency": (("dvc.yaml", "[data/prepared, ", "[src/pkg, data/prepared, "), ["train"]),
    "a new parameter of a stage": (("dvc.yaml", "[model]", "[model, name]"), ["train"]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_disk_and_commit_agree_and_the_fix_helps(clone, edit):
    (file, old, new), stages = EDITS[edit]
    clone.replace(file, old, new)
    clone.commit()

    found = lineage.read(clone.root)
    assert found == lineage.read(clone.root, "HEAD")
    assert [item.stage for item in found.outdated] == list(stages)
    assert not found.unverified

    for fix in {item.fix for item in found.outdated}:
        clone.dvc(*fix.split()[1:])
    assert not lineage.read(clone.root).outdated


def test_noise_is_no_change(clone):
    for file in ("__pycache__/a.cpython-311.pyc", "deep/a.pyc", "x.egg-info/PKG-INFO"):
        clone.write(f"src/pkg/{file}", "noise")
    (clone.root / "src/pkg/a.py").chmod(0o644)
    clone.git("add", "--all", "--force")
    clone.commit()

    assert lineage.read(clone.root) == lineage.read(clone.root, "HEAD")
    assert lineage.read(clone.root).outdated == ()


@pytest.mark.parametrize(
    ("old", "kind"),
    [("src/prepare.py, ", "dependency"), (", evaluation.slices", "parameter"),
     ("    metrics: [reports/metrics.json: {cache: true}]\n", "output"),
     ("    params: [model]\n", "file of parameters")],
)  # fmt: skip
def test_what_dvc_yaml_no_longer_names_is_outdated_and_the_fix_helps(clone, old, kind):
    clone.replace("dvc.yaml", old, "")
    # DVC calls it up to date and leaves the record as it is, which is why the fix is another command.
    assert "Data and pipelines are up to date" in clone.dvc("status")
    (outdated,) = lineage.read(clone.root).outdated
    assert outdated.what.endswith(f"is no longer a {kind}")

    clone.dvc(*outdated.fix.split()[1:])
    assert not lineage.read(clone.root).outdated


def test_data_given_to_dvc_and_edited_is_added_by_the_fix(clone):
    clone.write("data/big.csv", "big")
    clone.dvc("add", "--quiet", "data/big.csv")
    clone.replace("params.yaml", "data/raw/x.csv", "data/big.csv")
    clone.dvc("repro", "--quiet")
    clone.write("data/big.csv", "edited")
    (outdated,) = lineage.read(clone.root).outdated
    assert outdated.fix == "dvc add data/big.csv && dvc repro"

    for command in outdated.fix.split(" && "):
        clone.dvc(*command.split()[1:])
    assert not lineage.read(clone.root).outdated
