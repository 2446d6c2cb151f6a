"""What a message names as the fix is tried against the state that causes it; `lastro doctor` finds that state."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lastro.core.errors import LastroError
from lastro.operations.lineage import doctor as machine
from lastro.operations.lineage import lineage
from lastro.operations.registry import artifact, names
from lastro.operations.registry import doctor as store
from tests.registry.conftest import register


def whole(registry, clone, folder: Path) -> None:
    """The alias `test` leads to the bytes of dvc.lock, by an active run."""
    number = registry.snapshot().aliases[names.TEST]
    run = registry.run_of(registry.get(number))
    assert run.info.lifecycle_stage == "active"
    artifact.fetch(run, lineage.read(clone.folder).model, folder)


def found(registry, clone):
    (check,) = list(store._registered(clone.folder, registry.store))
    return check


def altered(registry, run) -> None:
    file = next(Path(run.info.artifact_uri.removeprefix("file://")).rglob("model.ubj"))
    file.write_bytes(file.read_bytes() + b"x")


def missing(registry, run) -> None:
    shutil.rmtree(run.info.artifact_uri.removeprefix("file://"))


def deleted(registry, run) -> None:
    registry.client.delete_run(run.info.run_id)


def gone(registry, run) -> None:
    registry.client.delete_run(run.info.run_id)
    # What `mlflow gc` does.
    registry.client._tracking_client.store._hard_delete_run(run.info.run_id)


@pytest.mark.parametrize("spoil", [altered, missing, deleted, gone])
def test_register_repairs_a_version_and_doctor_names_it(registry, clone, tmp_path, spoil):
    version = register(registry, clone).version
    assert found(registry, clone).state == "ok"
    registry.set_alias("production", version.number)
    spoil(registry, registry.run_of(version))

    check = found(registry, clone)
    assert check.state == ("warning" if spoil is deleted else "failed")
    commit = version.tags[names.COMMIT]
    assert f"lastro register --rev {commit}" in check.fix
    after = register(registry, clone, commit).version
    whole(registry, clone, tmp_path / "back")
    assert found(registry, clone).state == "ok"
    aliases = registry.snapshot().aliases
    assert aliases == {"test": after.number, "production": after.number}
    assert after.tags == version.tags
    assert [v.number for v in registry.versions()] == [after.number]


def test_damaged_file_in_the_cache(clone, tmp_path):
    model = lineage.read(clone.folder).model
    clone.run("dvc", "push", "-q")
    (clone.folder / "models/model.bin").unlink()
    path = clone.folder / ".dvc/cache/files/md5" / model[:2] / model[2:]
    assert machine._cache(clone.folder).state == "ok"
    path.chmod(0o644)
    path.write_bytes(b"damaged")

    check = machine._cache(clone.folder)
    assert (check.state, str(path) in check.what) == ("failed", True)
    with pytest.raises(LastroError) as failed:
        artifact.restore(clone.folder, model, tmp_path / "model")
    assert failed.value.fix == check.fix
    clone.run("sh", "-c", failed.value.fix.partition(";")[0])
    assert artifact.digest_of(artifact.restore(clone.folder, model, tmp_path / "model")) == model
    assert machine._cache(clone.folder).state == "ok"
