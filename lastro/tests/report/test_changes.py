"""What the report says of params.yaml: the keys whose values differ, as DVC reads them."""

from __future__ import annotations

import pytest

from lastro.core.errors import LastroError
from lastro.operations.report.build import param_changes
from tests.clones import Clone


@pytest.fixture
def changes(tmp_path):
    """The changes from one text of params.yaml to another."""
    clone = Clone(tmp_path / "clone", None)
    clone.folder.mkdir()
    clone.run("git", "init", "-q", "-b", "main")

    def changes(before: str, after: str) -> list[tuple[str, str | None, str | None]]:
        file = clone.folder / "params.yaml"
        file.write_text(before)
        clone.run("git", "add", "-A")
        clone.run("git", "commit", "-qm", "Before", "--allow-empty")
        file.write_text(after)
        return [(change.key, change.before, change.after) for change in param_changes(clone.folder, "HEAD")]

    return changes


def test_values_are_those_of_yaml_1_2(changes):
    before = "rate: 1e-05\nmode: on\nseed: 010\nlimits: {a: 1}\n"
    assert changes(before, "rate: 0.00001\nmode: 'on'\nseed: 10\nlimits: {a: 1}\n") == []
    assert changes(before, "rate: 2e-05\nmode: off\nseed: 010\nlimits: {b: 1}\n") == [
        ("rate", "1e-05", "2e-05"),
        ("mode", '"on"', '"off"'),
        ("limits.a", "1", None),
        ("limits.b", None, "1"),
    ]


@pytest.mark.parametrize("broken", ["", "a: [", "- 1"])
def test_a_broken_base_does_not_prevent_the_report_of_its_fix(changes, broken):
    assert changes(broken, "a: 1\n") == [("a", None, "1")]
    with pytest.raises(LastroError, match=r"^params.yaml"):
        changes("a: 1\n", broken)
