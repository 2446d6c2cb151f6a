"""What the report says of params.yaml, key by key as DVC reads it, and of the pin of the package."""

from __future__ import annotations

import pytest

from lastro.core.errors import LastroError
from lastro.operations.report.build import ANSWERS, PIN, package_change, param_changes
from lastro.operations.report.content import PackageChange
from lastro.operations.report.pull_request import render
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


HERE = "# The package lastro by content.\n# sha256 of core, tables: {digest}\n--editable ./lastro\n"
BY_COMMIT = "# Comment.\nlastro @ git+https://user:secret@git.example.com/acme/lastro.git@{digest}#subdirectory=lastro\n"
BY_HASH = "lastro @ https://example.com/lastro-{version}-py3-none-any.whl#sha256={digest}\n"


@pytest.fixture
def package(tmp_path):
    """What the report says of a change from one pin of the package to another; a pin is files with their text."""
    clone = Clone(tmp_path / "clone", None)
    (clone.folder / "requirements").mkdir(parents=True)
    clone.run("git", "init", "-q", "-b", "main")

    def package(before: dict[str, str], after: dict[str, str]) -> tuple[str | None, str | None] | None:
        for files in (before, after):
            for name in (PIN, ANSWERS):
                (clone.folder / name).unlink(missing_ok=True)
            for name, text in files.items():
                (clone.folder / name).write_text(text)
            if files is before:
                clone.run("git", "add", "-A")
                clone.run("git", "commit", "-qm", "Before", "--allow-empty")
        found = package_change(clone.folder, "HEAD")
        return found and (found.before, found.after)

    return package


def test_package_that_stays_is_not_named(package):
    pin = {PIN: BY_COMMIT.format(digest="a" * 40), ANSWERS: "_commit: v0.2.0\n"}
    assert package(pin, pin) is None
    assert package({}, {}) is None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            {PIN: BY_COMMIT.format(digest="a" * 40), ANSWERS: "_commit: v0.2.0\n_src_path: x\n"},
            {PIN: BY_COMMIT.format(digest="b" * 40), ANSWERS: "_commit: v0.3.0\n_src_path: x\n"},
            (f"v0.2.0, commit {'a' * 12}", f"v0.3.0, commit {'b' * 12}"),
        ),
        (
            {PIN: HERE.format(digest="a" * 64)},
            {PIN: HERE.format(digest="b" * 64)},
            (f"sha256 {'a' * 12}", f"sha256 {'b' * 12}"),
        ),
        (
            {PIN: BY_HASH.format(version="0.2.0", digest="a" * 64)},
            {PIN: BY_HASH.format(version="0.3.0", digest="b" * 64)},
            (f"0.2.0, sha256 {'a' * 12}", f"0.3.0, sha256 {'b' * 12}"),
        ),
        ({}, {PIN: BY_COMMIT.format(digest="b" * 40)}, (None, f"commit {'b' * 12}")),
        ({PIN: "lastro==0.2.0\n"}, {PIN: "lastro==0.3.0\n"}, ("lastro==0.2.0", "lastro==0.3.0")),
        ({PIN: "lastro==0.2.0\n"}, {PIN: "# none\n"}, ("lastro==0.2.0", "nothing")),
    ],
)
def test_package_that_changes_is_named_by_version_and_content(package, before, after, said):
    assert package(before, after) == said


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("0" * 32, "The model is the same, byte for byte."),
        ("1" * 32, f"The model is another one; at the base it was `{'1' * 32}`."),
        (None, "What it does to the model is not known: the base records no model."),
    ],
)
def test_report_says_what_another_package_does_to_the_model(make, model, said):
    assert "### Lastro" not in render(make())
    change = PackageChange(before="v0.2.0, commit aaaa", after="v0.3.0, commit bbbb", model=model)
    page = render(make(package=change))
    assert (
        "`requirements/lastro.txt` pins another package: `v0.3.0, commit bbbb` instead of `v0.2.0, commit aaaa`."
        in page
    )
    assert said in page
