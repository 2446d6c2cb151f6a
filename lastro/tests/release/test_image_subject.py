"""Which release an image names: the one that what it was built from stands for."""

from __future__ import annotations

import pytest

from lastro.core.errors import LastroError
from lastro.operations.image.subject import find_subject
from lastro.operations.registry import names
from lastro.operations.release.plan import promote
from lastro.operations.release.tags import ReleaseTag

pytestmark = pytest.mark.e2e


@pytest.fixture
def two(clone, registry):
    """A clone in which v1.0.1, which is the commit `deeper`, has followed v1.0.0."""
    clone.run("git", "tag", "v1.0.1", "deeper")
    promote(registry, clone.folder, ReleaseTag.parse("v1.0.1"), who="Test")
    return clone


def commit_of(clone, tag: str) -> str:
    return clone.run("git", "rev-parse", f"{tag}^{{commit}}").stdout.strip()


@pytest.mark.parametrize(("alias", "tag"), [("production", "v1.0.1"), ("previous", "v1.0.0")])
def test_alias_stands_for_the_release_that_was_promoted_to_it(two, registry, alias, tag):
    by_alias, by_tag = (find_subject(registry, two.folder, named) for named in (alias, tag))
    assert by_alias.labels() == by_tag.labels()
    assert by_alias.to_json() == by_tag.to_json()
    assert by_alias.labels()[names.RELEASE] == tag
    assert by_alias.to_json()["commit"] == commit_of(two, tag)


def test_release_whose_tag_is_gone(two, registry):
    commit = commit_of(two, "v1.0.1")
    two.run("git", "tag", "-d", "v1.0.1")
    for named in ("v1.0.1", "production"):
        found = find_subject(registry, two.folder, named)
        assert (found.release, found.lineage.commit) == ("v1.0.1", commit)


def test_neither_a_number_nor_an_alias_set_by_hand_is_a_release(two, registry):
    number = find_subject(registry, two.folder, "v1.0.1").version.number
    assert find_subject(registry, two.folder, str(number)).release is None
    assert find_subject(registry, two.folder, "test").release is None
    # As MLflow's pages let one do.
    registry.set_alias(names.PRODUCTION, find_subject(registry, two.folder, "test").version.number)
    assert find_subject(registry, two.folder, "production").release is None


def test_what_names_nothing(two, registry):
    with pytest.raises(LastroError, match=r"^nothing: is no version number, no alias"):
        find_subject(registry, two.folder, "nothing")
