"""Register the model of a commit as exactly one version."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from lastro.core.errors import LastroError
from lastro.core.paths import Paths
from lastro.operations.lineage import git, lineage
from lastro.operations.lineage.dvc import digest_of
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import artifact, names
from lastro.operations.registry.artifact import evaluation_file, restored_outputs
from lastro.operations.registry.client import ATTEMPTS, NoRunError, Registry, Version, is_collision
from lastro.operations.tracking import runs

MAXIMUM_DESCRIPTION = 5000
"""Characters of a version's description that MLflow's SQL stores keep."""


@dataclass(frozen=True)
class Registered:
    """The version of a model. `created`: by this call; `moved`: the alias `test` moved to it."""

    version: Version
    lineage: Lineage
    created: bool
    moved: bool


def read_registrable(root: Path, rev: str | None = None) -> Lineage:
    """Return the lineage of `rev` (default HEAD) if it can be registered.

    Raises LastroError: dvc.lock is outdated, there is no commit yet, or dvc.lock on disk names another model than HEAD's.
    """
    found = lineage.read(root, rev)
    if found.commit is None:
        fix = "a version is known by its commit: git commit, then register"
        raise LastroError("has no commit yet", where=root, fix=fix)
    if found.dirty:
        committed = lineage.read(root, "HEAD")
        if committed.model != found.model:
            problem = f"the model on disk ({found.model[:8]}) is not the one of HEAD ({committed.model[:8]})"
            fix = "commit dvc.lock, or register what is committed with --rev HEAD"
            raise LastroError(problem, where="dvc.lock", fix=fix)
        found = committed
    refuse_outdated(found, rev or "HEAD")
    return found


def refuse_outdated(found: Lineage, rev: str) -> None:
    if found.outdated:
        first, more = found.outdated[0], len(found.outdated) - 1
        others = f" and {more} more (lastro status --rev {rev})" if more else ""
        problem = f"is outdated: {first.stage}: {first.what}{others}"
        raise LastroError(problem, where=f"dvc.lock at {rev}", fix=f"{first.fix}, commit dvc.lock")


def register(
    registry: Registry, root: Path, found: Lineage, rev: str | None = None, pull_request: str | None = None
) -> Registered:
    """Register the model as exactly one version, verified in the store, and point the alias `test` at it.

    Its verdict and the evaluation in its run become this commit's, whichever commit was evaluated last. Raises LastroError:
    the model was retired, or its outputs cannot be restored.
    """
    version, created = _settle(registry, found.model), False
    refuse_retired(version)
    try:
        run = registry.run_of(version) if version else None
    except NoRunError:
        run = complete_run(registry, root, found)
        version = _renew(registry, version, run)
    if run is not None and run.info.lifecycle_stage == "deleted":
        registry.client.restore_run(run.info.run_id)
    if run is None or not _is_whole(run, found):
        whole = complete_run(registry, root, found)
        run = run or whole
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            artifact.fetch(run, found.model, folder)
        except artifact.DamagedArtifactError:
            # What the store holds is a copy of what DVC holds.
            runs.set_tags(registry.store, run.info.run_id, {runs.TRAINED: "damaged"})
            complete_run(registry, root, found)
            artifact.fetch(run, found.model, folder / "again")
        verdict = json.loads(evaluation_file(root, found, run, "verdict.json", folder).read_bytes())
        card = _card(evaluation_file(root, found, run, "model_card.md", folder)) if version is None else ""
    verdict = "pass" if verdict["passed"] else "fail"
    if version is None:
        tags = {
            names.MODEL: found.model,
            names.DATA: found.data,
            names.PARAMS: found.params,
            names.COMMIT: found.commit,
            names.VERDICT: verdict,
        }
        if pull_request:
            tags[names.PULL_REQUEST] = pull_request
        version, created = _create(registry, found.model, run.info.run_id, tags, card)
    elif version.tags.get(names.VERDICT) != verdict:
        registry.set_version_tags(version, {names.VERDICT: verdict})
    refuse_retired(registry.get(version.number))
    return Registered(version, found, created, _move_test(registry, root, version, found.commit))


def _renew(registry: Registry, old: Version, run: Run) -> Version:
    """Make the version anew of another run, since its own is gone; its tags and aliases go over."""
    new = registry.create(run.info.run_id, old.tags, old.description)
    for alias in registry.snapshot().aliases_of(old.number):
        registry.set_alias(alias, new.number)
    registry.delete(old.number)
    return new


def refuse_retired(version: Version | None) -> None:
    if version is not None and version.retired is not None:
        problem = f"was retired ({version.retired}) and cannot be used again"
        fix = "change params.yaml or the data and train another model"
        raise LastroError(problem, where=f"version {version.number}", fix=fix)


def complete_run(registry: Registry, root: Path, found: Lineage) -> Run:
    """Return the model's run with its training and this commit's evaluation; record what is missing.

    Raises LastroError: the outputs to record are neither on disk nor in DVC.
    """
    if found.evaluated is None:
        where = f"dvc.lock at {(found.commit or 'HEAD')[:12]}"
        problem = "does not record the whole evaluation"
        raise LastroError(problem, where=where, fix="dvc repro, commit dvc.lock")
    run = runs.find_run(registry.store, found.model)
    if run is not None and _is_whole(run, found):
        return run
    from lastro.operations.tracking.record import record

    paths = Paths.of(root)
    # The run is tagged with the commit that is checked out, so another commit's needs its own checkout.
    here = found.commit == git.state(root)[0]
    if here and all(digest_of(path) == digest for path, digest in found.recorded(paths).items()):
        record(registry.store, paths, "evaluate")
    else:
        with restored_outputs(root, found) as elsewhere:
            record(registry.store, elsewhere, "evaluate")
    run = runs.find_run(registry.store, found.model)
    if run is None:
        problem = "its run was deleted while it was recorded"
        raise LastroError(problem, where=f"model {found.model}", fix="run the command again")
    return run


def _is_whole(run: Run, found: Lineage) -> bool:
    """Return whether the run is the pipeline's and complete, with this commit's evaluation."""
    tags = run.data.tags
    trained = tags.get(runs.TRAINED) == "true" and not runs.is_trial(run)
    return trained and found.evaluated is not None and tags.get(runs.EVALUATED) == found.evaluated


def _card(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if len(text) <= MAXIMUM_DESCRIPTION:
        return text
    more = "\n\n… the whole card is the run's artifact evaluation/model_card.md\n"
    return text[: MAXIMUM_DESCRIPTION - len(more)].rpartition("\n")[0] + more


def _create(
    registry: Registry, model: str, run_id: str, tags: dict[str, str], card: str
) -> tuple[Version, bool]:
    """Create a version; if others did at the same time, keep the first of them."""
    for left in reversed(range(ATTEMPTS)):
        try:
            mine = registry.create(run_id, tags, card)
        except MlflowException as error:
            # The store gives each version a number of its own and gives up after a few collisions.
            if not left or not is_collision(error):
                raise
            first = _settle(registry, model)
            if first is not None:
                return first, False
            continue
        first = _settle(registry, model) or mine
        return first, first.number == mine.number
    raise AssertionError("unreachable")


def _settle(registry: Registry, model: str) -> Version | None:
    """Return the one version of a model: the lowest. MLflow has no unique constraint, so those above it are deleted.

    Versions get their numbers in the order in which they become visible, so no lower one can appear later. Those above
    were made at the same time, or by a request that the client repeated; only an alias set by hand can point at them,
    and such a version is left for a person to decide about.
    """
    found = registry.find(model)
    if len(found) < 2:
        return found[0] if found else None
    first, *others = found
    aliases = registry.snapshot()
    for version in others:
        if not aliases.aliases_of(version.number) and names.RELEASE not in version.tags:
            registry.delete(version.number)
    return first


def _move_test(registry: Registry, root: Path, version: Version, commit: str) -> bool:
    """Point `test` at the version, unless `test` was moved for a later commit.

    That commit is kept in a tag: the version's own commit says nothing after a change was reverted.
    """
    snapshot = registry.snapshot()
    at = snapshot.aliases.get(names.TEST)
    newest = registry.get(at) if at else None
    later = snapshot.tags.get(names.TEST_COMMIT) or (newest.tags.get(names.COMMIT) if newest else None)
    if newest and later and later != commit and git.is_ancestor(root, commit, later):
        return False
    # The tag first: a registration that is interrupted here is completed by the next one.
    if snapshot.tags.get(names.TEST_COMMIT) != commit:
        registry.set_tag(names.TEST_COMMIT, commit)
    if at == version.number:
        return False
    registry.set_alias(names.TEST, version.number)
    return True
