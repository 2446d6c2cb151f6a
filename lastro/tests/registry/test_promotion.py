"""Promotion, rollback, history and retirement, on the embedded store and on a real server over PostgreSQL."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lastro.cli.main import cli
from lastro.core.errors import LastroError, VerdictError
from lastro.operations.registry import history, names
from lastro.operations.registry.promotion import plan_rollback, roll_back
from lastro.operations.registry.versions import retire
from lastro.operations.release.plan import promote
from lastro.operations.release.tags import ReleaseTag
from tests.registry.conftest import register

pytestmark = pytest.mark.e2e


@pytest.fixture(params=["embedded", "served"])
def registered(request):
    """The versions 1, 2 and 3, in a store of each kind."""
    return request.getfixturevalue(request.param)


def go(registry, clone, tag, **options):
    return promote(registry, clone.folder, ReleaseTag.parse(tag), who="Test", **options)


def back(registry, to=None, reason="test"):
    return roll_back(registry, plan_rollback(registry, to), "Test", reason)


def entries(registry):
    return history.read_entries(registry.snapshot())


IMAGE = "sha256:" + "a" * 64


def test_promotions_and_rollbacks(registered, clone):
    registry = registered
    assert not go(registry, clone, "v1.0.0", image=IMAGE).already
    assert registry.snapshot().aliases == {"test": 3, "production": 1}
    assert registry.get(1).tags[names.RELEASE] == "v1.0.0"
    assert registry.get(1).tags[names.IMAGE] == IMAGE
    assert go(registry, clone, "v1.0.0").already
    assert go(registry, clone, "v1.0.0", image=IMAGE).already

    go(registry, clone, "v1.1.0", why="better")
    assert registry.snapshot().aliases == {"test": 3, "production": 2, "previous": 1}
    with pytest.raises(
        LastroError, match=r"v1.0.0: was in production before v1.1.0 came.*rollback --to v1.0.0"
    ):
        go(registry, clone, "v1.0.0")

    back(registry, reason="drift")
    assert registry.snapshot().aliases == {"test": 3, "production": 1}
    with pytest.raises(LastroError, match=r"v1.0.0: no release was in production before it"):
        plan_rollback(registry)
    with pytest.raises(LastroError, match=r"v1.1.0: was in production before v1.0.0 came"):
        go(registry, clone, "v1.1.0")
    with pytest.raises(
        LastroError, match=r"v1.2.0: never was in production; releases that were: v1.0.0, v1.1.0"
    ):
        plan_rollback(registry, "v1.2.0")

    # What was in production when v1.2.0 came is v1.0.0, so that is what it goes back to.
    go(registry, clone, "v1.2.0")
    assert registry.snapshot().aliases["previous"] == 1
    assert plan_rollback(registry).target.release == "v1.0.0"
    back(registry, "v1.1.0")
    assert registry.snapshot().aliases == {"test": 3, "production": 2, "previous": 1}
    assert plan_rollback(registry, "v1.1.0").already

    told = [(e.action, e.from_release, e.release, e.why) for e in entries(registry)]
    assert told == [
        ("promote", None, "v1.0.0", ""),
        ("promote", "v1.0.0", "v1.1.0", "better"),
        ("rollback", "v1.1.0", "v1.0.0", "drift"),
        ("promote", "v1.0.0", "v1.2.0", ""),
        ("rollback", "v1.2.0", "v1.1.0", "test"),
    ]
    assert [e.number for e in entries(registry)] == [1, 2, 3, 4, 5]
    assert entries(registry)[2].image == IMAGE


def test_story_of_a_model_from_its_first_release_to_its_end(registered, clone):
    """Each release is registered when its time comes, and what is taken out of use stays out."""
    registry = registered
    for number in (1, 2, 3):
        registry.delete(number)
    first = register(registry, clone, "v1.0.0").version.number
    go(registry, clone, "v1.0.0")
    second = register(registry, clone, "v1.1.0").version.number
    go(registry, clone, "v1.1.0", image=IMAGE)
    assert registry.snapshot().aliases == {"test": second, "production": second, "previous": first}
    back(registry, reason="drift")
    assert registry.snapshot().aliases == {"test": second, "production": first}
    assert retire(registry, second, "leaks the target") == ["test"]
    clone.run("git", "tag", "v1.1.1", "v1.1.0")
    for tag in ("v1.1.0", "v1.1.1"):
        with pytest.raises(LastroError, match=r"was retired .leaks the target. and cannot be used again"):
            go(registry, clone, tag)
    with pytest.raises(LastroError, match=r"was retired .leaks the target."):
        plan_rollback(registry, "v1.1.0")
    assert registry.snapshot().aliases == {"production": first}
    assert [
        (e.number, e.action, e.from_release, e.release, e.version, e.image) for e in entries(registry)
    ] == [
        (1, "promote", None, "v1.0.0", first, None),
        (2, "promote", "v1.0.0", "v1.1.0", second, IMAGE),
        (3, "rollback", "v1.1.0", "v1.0.0", first, None),
    ]
    assert history.unfinished(registry, registry.snapshot()) == []


def test_candidates_go_to_staging_and_leave_production_alone(registered, clone):
    clone.run("git", "tag", "v1.3.0-rc.1", "v1.2.0")
    go(registered, clone, "v1.0.0")
    go(registered, clone, "v1.3.0-rc.1")
    assert registered.snapshot().aliases == {"test": 3, "production": 1, "staging": 3}


def test_tag_on_a_commit_that_trains_nothing_is_the_same_version(registered, clone):
    go(registered, clone, "v1.2.0")
    clone.write("README.md", "words\n")
    clone.commit("Only words")
    clone.run("git", "tag", "v1.2.1")
    moved = go(registered, clone, "v1.2.1")
    assert moved.entry.version == 3
    assert plan_rollback(registered).target.release == "v1.2.0"


def test_two_that_began_exclude_each_other(registered, clone):
    """Whatever was interrupted where, another release is told, and --take-over is the way out."""
    go(registered, clone, "v1.0.0")
    go(registered, clone, "v1.1.0")
    registered.set_alias("production", 1)  # as if interrupted before the last step
    with pytest.raises(LastroError, match=r"promote of v1.1.0 by Test .* lastro promote v1.1.0"):
        go(registered, clone, "v1.2.0")
    # Run again, it is completed, and the history has it once.
    assert not go(registered, clone, "v1.1.0").already
    assert registered.snapshot().aliases["production"] == 2
    assert [e.release for e in entries(registered)] == ["v1.0.0", "v1.1.0"]
    registered.set_alias("production", 1)
    go(registered, clone, "v1.2.0", take_over=True)
    assert [(e.release, e.state) for e in entries(registered)] == [
        ("v1.0.0", "decided"),
        ("v1.1.0", "abandoned"),
        ("v1.2.0", "decided"),
    ]


def test_tag_that_was_moved_after_its_release(registered, clone):
    go(registered, clone, "v1.0.0")
    clone.run("git", "tag", "-f", "v1.0.0", "v1.1.0^{commit}")
    with pytest.raises(VerdictError, match=r"v1.0.0: must not be released \(version\)"):
        go(registered, clone, "v1.0.0")
    assert [(e.release, e.version) for e in entries(registered)] == [("v1.0.0", 1)]
    assert registered.snapshot().aliases["production"] == 1


def test_image_that_is_added_later_leaves_previous(registered, clone):
    go(registered, clone, "v1.0.0")
    go(registered, clone, "v1.0.0", image=IMAGE)
    assert "previous" not in registered.snapshot().aliases
    go(registered, clone, "v1.1.0")
    go(registered, clone, "v1.1.0", image="sha256:" + "b" * 64)
    assert registered.snapshot().aliases["previous"] == 1
    back(registered)
    assert registered.snapshot().aliases["production"] == 1


def test_promotion_that_was_done_while_another_was_judged(registered, clone):
    """What was judged against v1.1.0 must not follow v1.2.0 unseen."""
    go(registered, clone, "v1.0.0")
    go(registered, clone, "v1.1.0")
    plan = plan_rollback(registered)
    go(registered, clone, "v1.2.0")
    with pytest.raises(LastroError, match=r"v1.0.0: another promotion was done while this one was checked"):
        roll_back(registered, plan, "Test", "drift")
    assert registered.snapshot().aliases["production"] == 3
    assert [e.release for e in entries(registered)] == ["v1.0.0", "v1.1.0", "v1.2.0"]
    back(registered)
    assert registered.snapshot().aliases["production"] == 2


@pytest.mark.parametrize(("number", "wins"), [(0, False), (2, True)])
def test_claim_of_another_process(registered, clone, number, wins, monkeypatch):
    """A lower claim goes first; a higher one gives up, or is waited for as long as is reasonable."""
    monkeypatch.setattr(history, "SECONDS_FOR_OTHERS", 0.3)
    go(registered, clone, "v1.0.0")
    (first,) = entries(registered)
    claim = replace(
        first, number=number, key=f"{names.HISTORY}{number:06d}.ffffffff", release="v1.2.0", version=3
    )
    original = registered.set_tag

    def set_tag(key, value):
        # The other one makes its claim known in the same moment.
        original(key, value)
        if json.loads(value)["state"] == "claimed" and claim.key not in registered.snapshot().tags:
            history._write(registered, replace(claim, state="claimed"))
            monkeypatch.setattr(registered, "set_tag", original)

    monkeypatch.setattr(registered, "set_tag", set_tag)
    with pytest.raises(LastroError, match=r"promote of v1.2.0 by Test"):
        go(registered, clone, "v1.1.0")
    assert registered.snapshot().aliases["production"] == 1
    assert [e.release for e in entries(registered) if e.key != claim.key] == ["v1.0.0"]


def test_interrupted_rollback_is_completed_not_followed_by_another(registered, clone):
    for tag in ("v1.0.0", "v1.1.0", "v1.2.0"):
        go(registered, clone, tag)
    back(registered)
    registered.set_alias("production", 3)  # as if interrupted before the last step
    back(registered)
    assert registered.snapshot().aliases["production"] == 2
    assert len(entries(registered)) == 4


def test_rollback_that_is_repeated_for_its_reason_goes_no_further(registered, clone):
    for tag in ("v1.0.0", "v1.1.0", "v1.2.0"):
        go(registered, clone, tag)
    back(registered, reason="alarms")
    again = plan_rollback(registered, again="alarms")
    assert (again.already, again.target.release) == (True, "v1.1.0")
    assert plan_rollback(registered, again="another").target.release == "v1.0.0"


def test_rollback_that_waited_while_another_release_came(registered, clone):
    for tag in ("v1.0.0", "v1.1.0"):
        go(registered, clone, tag)
    planned = plan_rollback(registered).now.release
    assert plan_rollback(registered, "v1.0.0", planned).target.release == "v1.0.0"
    back(registered, "v1.0.0")
    # Done before, it is this one.
    assert plan_rollback(registered, "v1.0.0", planned).already
    go(registered, clone, "v1.2.0")
    with pytest.raises(LastroError, match=r"is v1.2.0 by now, and no longer v1.1.0, .*plan it again"):
        plan_rollback(registered, "v1.0.0", planned)


def test_rollback_of_what_came_after_a_retired_one(registered, clone):
    for tag in ("v1.0.0", "v1.1.0"):
        go(registered, clone, tag)
    retire(registered, 2, "leaks", even_in_production=True)
    go(registered, clone, "v1.2.0")
    plan = plan_rollback(registered)
    assert plan.target.release == "v1.0.0"
    assert plan.skipped == ("v1.1.0: version 2 was retired (leaks)",)


def test_clock_that_runs_backwards(registered, clone, monkeypatch):
    hours = itertools.count(20, -1)

    class Backwards(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2030, 1, 1, next(hours), tzinfo=UTC)

    monkeypatch.setattr(history, "datetime", Backwards)
    for tag in ("v1.0.0", "v1.1.0", "v1.2.0"):
        go(registered, clone, tag)
    whens = [e.when for e in entries(registered)]
    assert whens == sorted(whens, reverse=True)
    assert [e.release for e in entries(registered)] == ["v1.0.0", "v1.1.0", "v1.2.0"]
    assert plan_rollback(registered).target.release == "v1.1.0"


def test_aliases_deleted_by_hand_come_back(registered, clone):
    go(registered, clone, "v1.0.0")
    go(registered, clone, "v1.1.0")
    for alias in ("production", "previous"):
        registered.delete_alias(alias)
    assert not go(registered, clone, "v1.1.0").already
    assert registered.snapshot().aliases == {"test": 3, "production": 2, "previous": 1}
    assert len(entries(registered)) == 2


def test_alias_set_by_hand_is_not_guessed_about(registered, clone):
    go(registered, clone, "v1.0.0")
    registered.set_alias("production", 3)
    with pytest.raises(LastroError, match=r"alias production: is at version 3, which was never promoted"):
        go(registered, clone, "v1.1.0")
    back(registered, "v1.0.0")
    assert registered.snapshot().aliases["production"] == 1


def test_version_in_production_deleted_by_hand(registered, clone):
    go(registered, clone, "v1.0.0")
    go(registered, clone, "v1.1.0")
    registered.delete(2)
    assert "production" not in registered.snapshot().aliases
    with pytest.raises(LastroError, match=r"is not registered; run lastro register --rev v1.1.0"):
        go(registered, clone, "v1.1.0")
    # Others are not held up by it, and it comes back under a new number.
    assert plan_rollback(registered).target.release == "v1.0.0"
    back(registered)
    register(registered, clone, "v1.1.0")
    back(registered, "v1.1.0")
    assert registered.snapshot().aliases["production"] == 4


def test_retired_version_is_out_of_everything(registered, clone):
    for tag in ("v1.0.0", "v1.1.0", "v1.2.0"):
        go(registered, clone, tag)
    with pytest.raises(LastroError, match=r"version 3: is in production; lastro rollback first"):
        retire(registered, 3, "bad")
    assert retire(registered, 2, "leaks") == ["previous"]
    plan = plan_rollback(registered)
    assert plan.target.release == "v1.0.0"
    assert plan.skipped == ("v1.1.0: version 2 was retired (leaks)",)
    with pytest.raises(LastroError, match=r"version 2 was retired"):
        plan_rollback(registered, "v1.1.0")
    back(registered)
    assert retire(registered, 3, "bad") == ["test"]
    assert retire(registered, 1, "old", even_in_production=True) == ["production"]
    with pytest.raises(LastroError, match=r"version 1: was retired .old. and cannot be used again"):
        go(registered, clone, "v1.0.0")
    assert len(registered.versions()) == 3


def test_plan_that_says_no_moves_nothing(registered, clone):
    go(registered, clone, "v1.0.0")
    clone.run("git", "checkout", "-q", "-b", "aside")
    clone.write("README.md", "aside\n")
    clone.commit("Aside")
    clone.run("git", "tag", "v1.5.0")
    with pytest.raises(VerdictError, match=r"v1.5.0: must not be released \(branch\)"):
        go(registered, clone, "v1.5.0")
    assert registered.snapshot().aliases["production"] == 1
    assert len(entries(registered)) == 1


@pytest.mark.parametrize("reason", ["", " \n "])
@pytest.mark.parametrize("command", [("rollback",), ("retire", "1"), ("promote", "v1.0.0")])
def test_reason_that_says_nothing(lastro, embedded, command, reason):
    with pytest.raises(LastroError, match=r"^--reason: is empty; say why$"):
        lastro(*command, "--reason", reason)


def test_reason_is_kept_as_one_line(lastro, embedded):
    lastro("retire", "1", "--reason", "leaks\nthe target")
    assert embedded.get(1).retired == "leaks the target"
    assert lastro("retire", "1", "--reason", "again").startswith("retired already (leaks the target): ")
    assert embedded.get(1).retired == "leaks the target"


@pytest.fixture
def lastro(clone, monkeypatch, capsys):
    """Runs a command in the clone, in this process, and returns what it printed."""
    monkeypatch.chdir(clone.folder)

    def run(*arguments: str) -> str:
        capsys.readouterr()
        cli.main(list(arguments), prog_name="lastro", standalone_mode=False)
        return capsys.readouterr().out

    return run


def test_commands(embedded, clone, lastro):
    promoted = lastro("promote", "v1.0.0", "--image", IMAGE)
    assert promoted == "promoted: production is v1.0.0, breast-cancer version 1\n"
    lastro("promote", "v1.1.0", "--reason", "better")
    dry = lastro("rollback", "--reason", "x", "--dry-run")
    assert "to:   v1.0.0, version 1, image sha256:aaa" in dry
    assert len(entries(embedded)) == 2
    (latest, _) = json.loads(lastro("history", "--json"))
    assert (latest["release"], latest["who"], latest["why"]) == ("v1.1.0", "Test", "better")
    assert "better" in lastro("history")
    with pytest.raises(LastroError, match=r"no longer v1\.0\.0"):
        lastro("rollback", "--to", "v1.0.0", "--from", "v1.0.0", "--reason", "x")
    rows = json.loads(lastro("versions", "--json"))
    assert [(row["version"], row["aliases"]) for row in rows] == [
        (3, ["test"]),
        (2, ["production"]),
        (1, ["previous"]),
    ]
    shown = [json.loads(lastro("show", "--json", x)) for x in ("2", "production", "v1.1.0")]
    assert shown[0] == shown[1] == shown[2]
    for command, words in (
        (["show", "nonsense"], "no version number, no alias"),
        (["promote", "1.0.0"], "expected vX.Y.Z"),
        (["promote", "v9.0.0"], "this clone has no such tag"),
        (["promote", "v1.2.0", "--image", "latest"], "expected a digest"),
        (["retire", "9", "--reason", "x"], "no such version"),
    ):
        with pytest.raises(LastroError, match=words) as failed:
            lastro(*command)
        assert failed.value.exit_code == 2
        assert "\n" not in str(failed.value)
