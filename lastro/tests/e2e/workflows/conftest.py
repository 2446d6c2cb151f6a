"""A repository with workflow files, and Actions that runs them."""

from __future__ import annotations

import pytest

from tests.e2e.workflows.runner import Actions
from tests.github.conftest import github  # noqa: F401


@pytest.fixture
def acme(github, tmp_path):  # noqa: F811
    """Makes acme/model with files on main, and its Actions; nothing has been started."""

    def make(files: dict[str, str], **options) -> tuple:
        repository = github.repository("acme/model", roles={"ada": "write", "eve": "read", "root": "admin"})
        repository.commit("main", files, "First")
        repository.events.clear()
        return repository, Actions(repository, tmp_path / "actions", **options)

    return make
