"""One version per model, whatever happens, and never of a file that is not the one of dvc.lock."""

from __future__ import annotations

import hashlib
from pathlib import Path

import mlflow
import pytest

from lastro.core.errors import LastroError
from lastro.operations.lineage import lineage
from lastro.operations.registry import names
from lastro.operations.registry.versions import retire
from lastro.operations.tracking import runs
from tests.registry.conftest import register

pytestmark = pytest.mark.e2e


def test_version_carries_the_whole_story(registry, clone):
    done = register(registry, clone)
    assert done.created
    assert done.moved
    (version,) = registry.versions()
    head = lineage.read(clone.folder, "HEAD")
    assert version.number == 1
    assert version.tags[names.MODEL] == head.model
    assert version.tags[names.DATA] == head.data
    assert version.tags[names.PARAMS] == head.params
    assert version.tags[names.COMMIT] == head.commit
    assert version.tags[names.VERDICT] == "pass"
    assert version.description.startswith("# breast-cancer")
    assert registry.snapshot().aliases == {"test": 1}
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{registry.name}@test"))
    assert hashlib.md5((folder / "model.ubj").read_bytes()).hexdigest() == head.model


def test_again_says_which_and_changes_nothing(registry, clone):
    first = register(registry, clone)
    again = register(registry, clone)
    assert not again.created
    assert not again.moved
    assert again.version == first.version
    assert len(registry.versions()) == 1


def test_another_revision_is_restored_by_dvc(registry, clone):
    old = register(registry, clone, "v1.0.0")
    assert old.version.tags[names.COMMIT] == lineage.read(clone.folder, "v1.0.0").commit
    run = registry.client.get_run(old.version.run_id)
    assert run.data.tags["lastro.commit"] == old.version.tags[names.COMMIT]
    assert run.data.params["model.params.max_depth"] == "3"
    assert clone.run("git", "worktree", "list").stdout.count("\n") == 1
    new = register(registry, clone)
    assert (old.version.number, new.version.number) == (1, 2)
    assert registry.snapshot().aliases == {"test": 2}
    # An older commit that is registered late does not take `test` back.
    assert not register(registry, clone, "v1.0.0").moved
    assert registry.snapshot().aliases == {"test": 2}


def test_outputs_that_dvc_does_not_have_are_a_clear_line(registry, clone):
    import shutil

    shutil.rmtree(clone.folder / ".dvc" / "cache")
    with pytest.raises(LastroError, match=r"DVC cannot restore them .*dvc push"):
        register(registry, clone, "v1.0.0")


def test_outdated_lock_is_refused_with_its_fix(registry, clone):
    clone.edit("params.yaml", "learning_rate: 0.1", "learning_rate: 0.2")
    clone.commit("Forgot dvc repro")
    with pytest.raises(LastroError, match=r"is outdated: train: params.yaml: .*learning_rate.*dvc repro"):
        register(registry, clone)


def test_model_that_is_not_committed_is_refused(registry, clone):
    clone.edit("dvc.lock", lineage.read(clone.folder).model, "a" * 32)
    clone.edit("dvc.lock", lineage.read(clone.folder, "HEAD").model, "a" * 32)
    with pytest.raises(LastroError, match=r"is not the one of HEAD"):
        register(registry, clone)


def model_file(registry, clone) -> Path:
    run = registry.client.get_run(register(registry, clone).version.run_id)
    return Path(run.info.artifact_uri.removeprefix("file://")) / "model" / "model.ubj"


@pytest.mark.parametrize("name", ["model.ubj", "MLmodel"])
def test_deleted_artifact_is_uploaded_again(registry, clone, name):
    file = model_file(registry, clone).with_name(name)
    content = file.read_bytes()
    file.unlink()
    assert not register(registry, clone).created
    if name == "model.ubj":
        assert file.read_bytes() == content


def test_altered_artifact_never_becomes_a_version(registry, clone):
    file = model_file(registry, clone)
    content = file.read_bytes()
    registry.delete(1)
    file.write_bytes(b"another model")
    assert register(registry, clone).created
    assert file.read_bytes() == content


def test_version_deleted_by_hand_comes_back_under_a_new_number(registry, clone):
    register(registry, clone)
    registry.delete(1)
    done = register(registry, clone)
    assert done.created
    assert done.version.number == 2
    assert registry.snapshot().aliases == {"test": 2}


def test_alias_deleted_by_hand_comes_back(registry, clone):
    register(registry, clone)
    registry.delete_alias("test")
    assert register(registry, clone).moved


def test_retired_model_is_not_registered_again(registry, clone):
    register(registry, clone)
    assert retire(registry, 1, "leaks the target") == ["test"]
    with pytest.raises(LastroError, match=r"was retired .leaks the target."):
        register(registry, clone)
    assert registry.snapshot().aliases == {}


def test_the_newest_merge_stays_the_one_of_a_change_taken_back(registry, clone):
    for tag in ("v1.0.0", "v1.1.0"):
        register(registry, clone, tag)
    clone.run("git", "checkout", "-q", "v1.0.0", "--", ".")
    clone.commit("As it was")
    register(registry, clone, "HEAD")
    assert registry.snapshot().aliases["test"] == 1
    # Somebody runs the job of the commit in between again.
    register(registry, clone, "v1.1.0")
    assert registry.snapshot().aliases["test"] == 1


def test_copies_that_a_repeated_request_left_are_deleted(registry, clone):
    first = register(registry, clone).version
    for _ in range(3):
        registry.create(first.run_id, first.tags, "")
    assert register(registry, clone).version.number == 1
    assert [version.number for version in registry.versions()] == [1]


def test_pull_request_is_kept(registry, clone):
    done = clone.run("lastro", "register", "--pull-request", "17")
    assert "registered: breast-cancer version 1" in done.stdout
    assert registry.get(1).tags[names.PULL_REQUEST] == "17"
    assert clone.run("lastro", "register").stdout.startswith("registered already: ")


def test_verdict_of_a_new_evaluation_is_shown(registry, clone):
    register(registry, clone)
    clone.edit("params.yaml", "limits: {}", "limits: {accuracy: 1.0}")
    clone.run("dvc", "repro")
    clone.commit("A gate that it does not pass")
    done = register(registry, clone)
    assert not done.created
    assert registry.get(1).tags[names.VERDICT] == "fail"


def evaluate_elsewhere(clone) -> None:
    """What the job of a pull request does that changes the gate alone, on the branch that it leaves checked out."""
    clone.run("git", "checkout", "-qb", "stricter")
    clone.edit("params.yaml", "limits: {}", "limits: {accuracy: 1.0}")
    clone.run("dvc", "repro")
    clone.commit("A gate that it does not pass")


def held(registry, name: str) -> str:
    """The digest of a file of the evaluation in the one run that version 1 was made of."""
    run = registry.client.get_run(registry.get(1).run_id)
    path = mlflow.artifacts.download_artifacts(f"{run.info.artifact_uri}/evaluation/{name}")
    return hashlib.md5(Path(path).read_bytes()).hexdigest()


@pytest.mark.parametrize("registered", [True, False], ids=["registered", "recorded"])
def test_evaluation_of_a_branch_that_was_never_merged_is_not_the_commits(registry, clone, registered):
    if registered:
        register(registry, clone)
    else:
        clone.run("dvc", "checkout")
        clone.run("lastro", "sync")
    evaluate_elsewhere(clone)
    (run,) = registry.client.search_runs([registry.store.experiment.experiment_id])
    assert run.data.tags[names.VERDICT] == "fail"
    done = register(registry, clone, "main")
    found = lineage.read(clone.folder, "main")
    assert done.created != registered
    assert registry.get(1).tags[names.VERDICT] == "pass"
    (after,) = registry.client.search_runs([registry.store.experiment.experiment_id])
    assert after.info.run_id == run.info.run_id
    assert after.data.tags[names.VERDICT] == "pass"
    assert after.data.tags[runs.EVALUATED] == found.evaluated
    assert held(registry, "verdict.json") == found.verdict
    assert held(registry, "model_card.md") == found.model_card
    assert "accuracy is" not in registry.get(1).description
    # With nothing of another left, nothing is recorded again.
    register(registry, clone, "main")
    (again,) = registry.client.search_runs([registry.store.experiment.experiment_id])
    assert again.to_dictionary() == after.to_dictionary()


def test_trial_of_the_same_model_is_no_longer_one_once_registered(registry, clone):
    clone.run("lastro", "train", "--set", "gate.limits={accuracy: 1.0}")
    (trial,) = registry.client.search_runs([registry.store.experiment.experiment_id])
    assert (trial.data.tags[runs.TRIAL], trial.data.tags[names.VERDICT]) == ("true", "fail")
    done = register(registry, clone)
    run = registry.run_of(done.version)
    assert run.info.run_id == trial.info.run_id
    assert run.data.tags[runs.TRIAL] == "false"
    assert run.data.tags["lastro.commit"] == done.lineage.commit
    assert run.data.tags[names.VERDICT] == registry.get(1).tags[names.VERDICT] == "pass"


def test_evaluation_that_is_no_longer_there_is_a_clear_line(registry, clone):
    register(registry, clone)
    found = lineage.read(clone.folder, "main")
    evaluate_elsewhere(clone)
    md5 = found.verdict
    (clone.folder / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]).unlink()
    with pytest.raises(LastroError, match=r"outputs at .*: DVC cannot restore them .*dvc push"):
        register(registry, clone, "main")
    assert registry.get(1).tags[names.VERDICT] == "pass"
