"""Thousands of runs and versions on a real server: nothing is missed at the end of a page, nothing is taken for another."""

from __future__ import annotations

import pytest

from lastro.operations.registry import versions
from lastro.operations.tracking import runs
from tests.large_store import add_copies, digest
from tests.registry.conftest import register, registry_at

pytestmark = pytest.mark.e2e
RUNS, VERSIONS = 10_000, 5_000


def test_each_version_is_found_among_thousands(clone, server, postgres):
    registry = registry_at(server.uri, "large")
    first = register(registry, clone, "v1.0.0").version
    add_copies(postgres.uri("registry"), "large", RUNS, VERSIONS)

    listed = [version.number for version in registry.versions()]
    assert listed == list(range(first.number + VERSIONS, first.number - 1, -1))
    assert [version.number for version in registry.versions(1500)] == listed[:1500]
    for number in (1, 999, 1000, 1001, VERSIONS):
        (found,) = registry.find(digest(number))
        assert found.number == first.number + number
        assert runs.find_run(registry.store, digest(number)).info.run_id == found.run_id
    assert runs.find_run(registry.store, digest(RUNS)) is not None
    assert registry.find(digest(VERSIONS + 1)) == []

    # The commands' own ways: again, another one, by each name.
    again = register(registry, clone, "v1.0.0")
    assert (again.version.number, again.created) == (first.number, False)
    new = register(registry, clone, "v1.1.0")
    assert (new.version.number, new.created, new.moved) == (listed[0] + 1, True, True)
    for named, number in (("v1.0.0", first.number), ("test", new.version.number), ("3000", 3000)):
        assert versions.find_version(registry, clone.folder, named).number == number
