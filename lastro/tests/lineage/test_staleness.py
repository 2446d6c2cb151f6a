"""What makes a lock stale, what can't be told, and what looks like a change and is none."""

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


def test_a_clone_without_data_is_not_stale(clone, tmp_path):
    clone.git("clone", "--quiet", str(clone.root), str(tmp_path / "fresh"))
    fresh = type(clone)(tmp_path / "fresh")
    assert not (fresh.root / "models/model.bin").exists()

    for rev in (None, "HEAD"):
        found = lineage.read(fresh.root, rev)
        assert found.stale == ()
        # A file inside an output is known by the list in DVC's cache, and a fresh clone has no cache.
        assert [item.stage for item in found.unverified] == ["evaluate"]
        assert "data/prepared/b.txt: " in found.unverified[0].what


def test_a_file_inside_an_output_is_found_in_the_cache(clone):
    shutil.rmtree(clone.root / "data/prepared")
    assert lineage.read(clone.root) == lineage.read(clone.root, "HEAD")

    record(clone, "evaluate", "deps", "data/prepared/b.txt", md5="0" * 32)
    assert [item.what for item in lineage.read(clone.root).stale] == ["data/prepared/b.txt: changed"]


def test_an_upstream_output_that_moved_on_is_stale(clone):
    record(clone, "train", "deps", "data/prepared", md5="0" * 32 + ".dir")

    assert [(item.stage, item.what) for item in lineage.read(clone.root).stale] == [
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

        assert (lineage.read(clone.root).stale, lineage.read(clone.root).unverified) == ((), ())
        committed = lineage.read(clone.root, "HEAD")
        assert committed.stale == ()
        assert [item.what for item in committed.unverified] == [f"{source}: lies outside the repository"]

        outside.write_text("changed")
        assert [item.what for item in lineage.read(clone.root).stale] == [f"{source}: changed"]
        outside.unlink()
        assert [item.what for item in lineage.read(clone.root).stale] == [
            f"{source}: is missing; put it there"
        ]
        clone.git("reset", "--quiet", "--hard", "HEAD~1")
        outside.write_text("x,y\n")


def test_an_absolute_path_inside_the_repository_is_recorded_as_a_relative_one(clone):
    clone.replace("dvc.yaml", ", b.txt]", f", {clone.root}/b.txt]")

    assert lineage.read(clone.root).stale == ()


def test_data_that_git_does_not_hold_is_unverified_at_a_revision(clone):
    clone.write(".gitignore", "/b.txt\n")
    clone.git("rm", "--cached", "--quiet", "b.txt")
    clone.commit()

    assert lineage.read(clone.root).unverified == ()
    found = lineage.read(clone.root, "HEAD")
    assert {item.stage for item in found.unverified} == {"prepare", "train"}
    assert found.unverified[0].what == "b.txt: is neither in Git nor tracked by DVC"
    assert found.stale == ()


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

    assert lineage.read(clone.root, "HEAD~1").stale == ()
    for rev in (None, "HEAD"):
        assert [item.what for item in lineage.read(clone.root, rev).stale] == ["data/raw/x.csv: changed"]
    (clone.root / "data/raw/x.csv").unlink()
    assert [item.what for item in lineage.read(clone.root).stale] == ["data/raw/x.csv: changed"]

    # A pull brought a new pointer, and the data on disk is still what the lock records.
    clone.write("data/raw/x.csv", "other\n")
    (stale,) = lineage.read(clone.root).stale
    assert stale.fix == "dvc checkout data/raw/x.csv.dvc && dvc repro"
    clone.dvc("checkout", "--quiet", "data/raw/x.csv.dvc")
    clone.dvc("repro", "--quiet")
    assert lineage.read(clone.root).stale == ()


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
    assert (lineage.read(clone.root).stale, lineage.read(clone.root).unverified) == ((), ())
    shutil.rmtree(clone.root / "parts/more")
    (clone.root / "parts/2.csv").unlink()
    assert lineage.read(clone.root).stale == ()

    shutil.rmtree(clone.root / ".dvc/cache")
    (found,) = [item for item in lineage.read(clone.root, "HEAD").unverified if item.stage == "prepare"]
    assert "list of the files in parts/more" in found.what


def test_a_link_in_git_is_followed_inside_the_commit_only(clone, tmp_path):
    (tmp_path / "outside").mkdir()
    shutil.copy(clone.root / "b.txt", tmp_path / "outside/b.txt")
    (clone.root / "b.txt").rename(clone.root / "src/b.txt")
    for target, unverified in (
        ("src/b.txt", None),
        ("./src/../src/pkg/../b.txt", None),
        ("../outside/b.txt", "b.txt: lies outside the repository"),
        (str(tmp_path / "outside/b.txt"), "b.txt: lies outside the repository"),
    ):
        (clone.root / "b.txt").symlink_to(target)
        clone.commit()

        assert lineage.read(clone.root).stale == (), target
        found = lineage.read(clone.root, "HEAD")
        assert found.stale == (), target
        assert {item.what for item in found.unverified} == ({unverified} if unverified else set()), target
        (clone.root / "b.txt").unlink()

    (clone.root / "b.txt").symlink_to("b.txt")
    clone.commit()
    found = lineage.read(clone.root, "HEAD")
    assert {item.what for item in found.unverified} == {"b.txt: is a link that leads back to itself"}


def test_a_stage_that_was_never_run_is_stale(clone):
    document = clone.lock()
    del document["stages"]["evaluate"]
    clone.write_lock(document)

    found = lineage.read(clone.root)
    assert [(item.stage, item.what) for item in found.stale] == [
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
def test_a_key_that_dvc_watches_is_put_back_by_its_mend(clone, old, new, key, default):
    # `dvc repro` alone says that the parameter is missing, for ever.
    clone.replace("params.yaml", old, new)
    clone.replace("dvc.yaml", "${data.source}", "${raw}") if default is None else None
    fixes = {item.what: item.fix for item in lineage.read(clone.root).stale}
    said = f" (default: {default})" if default else ""
    assert fixes[f"params.yaml: {key} is missing"] == f"add {key} to params.yaml{said} && dvc repro"


def test_a_frozen_stage_is_thawed_by_its_mend(clone):
    clone.replace("dvc.yaml", "    outs: [data/prepared]", "    frozen: true\n    outs: [data/prepared]")
    clone.write("b.txt", "changed\n")

    assert [item.fix for item in lineage.read(clone.root).stale] == [
        "dvc unfreeze prepare && dvc repro", "dvc repro"
    ]  # fmt: skip


@pytest.mark.parametrize("part", ["foreach: [1]\n    do: {cmd: echo}", "vars: [{a: 1}]\n    cmd: echo ${a}"])
def test_what_only_dvc_resolves_is_unverified(clone, part):
    clone.write("dvc.yaml", (clone.root / "dvc.yaml").read_text() + f"  extra:\n    {part}\n")

    (item,) = lineage.read(clone.root).unverified
    assert item.stage == "extra"
    assert item.what.endswith("which only DVC resolves")


def test_vars_of_dvc_yaml_are_filled_in(clone):
    clone.write("dvc.yaml", "vars: [{names: {b: b.txt}}]\n" + (clone.root / "dvc.yaml").read_text())
    clone.replace("dvc.yaml", "cp b.txt", "cp ${names.b}")
    clone.replace("dvc.yaml", "src/pkg, b.txt", "src/pkg, '${ names[b] }'")

    assert lineage.read(clone.root).stale == ()
