"""Read and write the registered model and its versions, on every kind of store."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.utils import get_results_from_paginated_fn

from lastro.core.errors import ExternalError, LastroError
from lastro.operations.registry import names
from lastro.operations.tracking.store import Store, describe, ignored, open_store

PATIENCE = 25
"""Seconds to wait for the first answer: longer than for a training, since a busy server is slow, not dead."""
PAGE = 1000
ATTEMPTS = 8
MAXIMUM_NUMBER = 2**31 - 1
"""The database column holds no higher version number, and the query fails above it."""
_MISSING = "RESOURCE_DOES_NOT_EXIST"


@dataclass(frozen=True)
class Version:
    """A registered version; `created` is in ms since 1970."""

    number: int
    run_id: str
    source: str
    tags: dict[str, str]
    description: str
    created: int

    @classmethod
    def of(cls, found: ModelVersion) -> Version:
        """Convert MLflow's entity, whose `version` is an int or a string by store."""
        return cls(
            int(found.version),
            found.run_id or "",
            found.source,
            dict(found.tags or {}),
            found.description or "",
            int(found.creation_timestamp or 0),
        )

    @property
    def retired(self) -> str | None:
        """Return why it was retired; None if it was not."""
        return self.tags.get(names.RETIRED)


@dataclass(frozen=True)
class Snapshot:
    """Aliases and tags of the registered model, read in one request; empty before the first registration."""

    aliases: dict[str, int]
    tags: dict[str, str]

    def aliases_of(self, number: int) -> list[str]:
        return sorted(alias for alias, version in self.aliases.items() if version == number)


class NoRunError(LastroError):
    """A version has no run that a model could be fetched from."""


class Registry:
    """The registered model `name` in an open store."""

    def __init__(self, store: Store):
        self.store, self.client, self.name = store, store.client, store.experiment.name

    def snapshot(self) -> Snapshot:
        with ignored(_MISSING):
            model = self.client.get_registered_model(self.name)
            aliases = {alias: int(version) for alias, version in dict(model.aliases or {}).items()}
            return Snapshot(aliases, dict(model.tags or {}))
        return Snapshot({}, {})

    def get(self, number: int) -> Version | None:
        """Return the version with this number; None if there is none or it was deleted."""
        if number <= MAXIMUM_NUMBER:
            with ignored(_MISSING):
                return Version.of(self.client.get_model_version(self.name, str(number)))
        return None

    def find(self, model: str) -> list[Version]:
        """Return the versions of the model with this MD5, lowest number first."""
        return sorted(self._search(f" AND tag.`{names.MODEL}` = '{model}'"), key=lambda v: v.number)

    def versions(self, limit: int | None = None) -> list[Version]:
        """Return the `limit` newest versions (None: all), highest number first."""
        return sorted(self._search("", limit), key=lambda version: -version.number)

    def _search(self, condition: str, limit: int | None = None) -> list[Version]:
        wanted, order = f"name = '{self.name}'{condition}", ["version_number DESC"]
        found = get_results_from_paginated_fn(
            lambda size, token: self.client.search_model_versions(wanted, size, order, token), PAGE, limit
        )
        # Pages are counted from the top: a version created meanwhile repeats a row on the next page.
        return list({int(version.version): Version.of(version) for version in found}.values())

    def create(self, run_id: str, tags: dict[str, str], description: str) -> Version:
        """Create a version of the run's model with its tags, in one atomic request."""
        with ignored("RESOURCE_ALREADY_EXISTS"):
            self.client.create_registered_model(self.name)
        create, source = self.client.create_model_version, f"runs:/{run_id}/model"
        return Version.of(create(self.name, source, run_id, tags, description=description))

    def run_of(self, version: Version) -> Run:
        """Return the run whose model the version is.

        Raises LastroError: it is gone for good, or the version was made by hand from something else.
        """
        fix = f"lastro register --rev {version.tags.get(names.COMMIT, 'REV')} makes the version anew"
        problem = f"was made of {version.source}, not of a run's model"
        if version.source == f"runs:/{version.run_id}/model":
            with ignored(_MISSING):
                return self.client.get_run(version.run_id)
            problem = f"its run {version.run_id} is gone"
        raise NoRunError(problem, where=f"version {version.number}", fix=fix)

    def delete(self, number: int) -> None:
        """Delete a version; no error if absent."""
        with ignored(_MISSING):
            self.client.delete_model_version(self.name, str(number))

    def set_alias(self, alias: str, number: int) -> None:
        self._retry(self.client.set_registered_model_alias, self.name, alias, str(number))

    def delete_alias(self, alias: str) -> None:
        """Delete the alias; no error if absent."""
        self.client.delete_registered_model_alias(self.name, alias)

    def set_tag(self, key: str, value: str) -> None:
        self._retry(self.client.set_registered_model_tag, self.name, key, value)

    def delete_tag(self, key: str) -> None:
        """Delete a tag of the registered model; no error if absent."""
        self.client.delete_registered_model_tag(self.name, key)

    def set_version_tags(self, version: Version, tags: dict[str, str]) -> None:
        """Set the tags of the version that differ."""
        for key, value in tags.items():
            if version.tags.get(key) != value:
                self._retry(self.client.set_model_version_tag, self.name, str(version.number), key, value)

    @staticmethod
    def _retry(write: Callable[..., object], *arguments: str) -> None:
        """Retry an idempotent write on a collision: of two first inserts of one row, the second is a duplicate key."""
        for left in reversed(range(ATTEMPTS)):
            try:
                write(*arguments)
                return
            except MlflowException as error:
                if not left or not is_collision(error):
                    raise
            # So that those who collided do not meet again.
            time.sleep(random.uniform(0, 0.05))


def is_collision(error: MlflowException) -> bool:
    """Return whether another writer was in the way, so that a retry may succeed."""
    text = str(error).lower()
    return any(
        sign in text
        for sign in ("unique", "duplicate key", "giving up after", "database is locked", "deadlock")
    )


def open_registry(root: Path) -> Registry:
    """Open the registry of the repository `root`; ExternalError if the store does not answer or refuses."""
    return Registry(open_store(root, PATIENCE))


@contextmanager
def one_line() -> Iterator[None]:
    """Turn what MLflow raises in the block, a failure or a refusal, into an ExternalError of one line."""
    try:
        yield
    except LastroError:
        raise
    except (MlflowException, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            # A file of this machine, not the store.
            raise
        reason = describe(error)
        if any(sign in f"{error}" for sign in (" 403 ", " 401 ", "Permission denied", "PERMISSION_DENIED")):
            fix = (
                "this user may not do that: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (or "
                "MLFLOW_TRACKING_TOKEN) of one with EDIT permission (MANAGE to retire, and to register what others "
                "register at the same time: both delete something)"
            )
            raise ExternalError(f"the tracking server refuses ({reason})", fix=fix) from None
        fix = "run the same command again, it completes what was begun"
        raise ExternalError(f"the tracking server failed: {reason}", fix=fix) from None
