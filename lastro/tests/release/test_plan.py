"""What `lastro release plan` says of a tag as a whole: branch, version and interface, in words and as JSON."""

from __future__ import annotations

import json
import re

import pytest

from lastro.core.errors import LastroError, VerdictError

pytestmark = pytest.mark.e2e


def planned(clone, lastro, tag: str, commit: str) -> dict:
    """The plan as JSON, allowed or not; the champion is another test's."""
    clone.run("git", "tag", tag, commit)
    try:
        return lastro.json("release", "plan", tag, "--without-champion", "another test")
    except VerdictError:
        return json.loads(lastro.out)


@pytest.mark.parametrize(
    ("commit", "what", "needs", "enough", "too_little"),
    [
        ("deeper", "the interface is the same", "patch", "v1.0.1", None),
        ("optional", "optional input extra was added", "minor", "v1.1.0", "v1.0.1"),
        ("required", "required input whole was added", "major", "v2.0.0", "v1.1.0"),
        ("dropped", "input city was removed", "major", "v2.0.0", "v1.1.0"),
        ("retyped", "input count was double and is string", "major", "v2.0.0", "v1.0.1"),
    ],
)
def test_change_of_the_interface_asks_for_its_number(clone, lastro, commit, what, needs, enough, too_little):
    found = planned(clone, lastro, enough, commit)
    rules = {rule["name"]: rule for rule in found["rules"]}
    assert rules["interface"]["detail"] == f"against v1.0.0: {what}: needs a {needs}"
    assert found["allowed"], found
    # The candidate for it is held to the same.
    assert planned(clone, lastro, f"{enough}-rc.1", commit)["allowed"]
    if too_little:
        found = planned(clone, lastro, too_little, commit)
        (failed,) = [rule for rule in found["rules"] if not rule["passed"]]
        assert failed["detail"] == f"against v1.0.0: {what}: needs a {needs}; tag {enough} instead"
        assert not found["allowed"]


def test_version_must_increase(clone, lastro):
    found = planned(clone, lastro, "v0.9.0", "deeper")
    (failed,) = [rule for rule in found["rules"] if not rule["passed"]]
    assert failed["name"] == "version"
    assert failed["detail"] == "v0.9.0 comes before v1.0.0, the highest so far; choose a tag above v1.0.0"
    found = planned(clone, lastro, "v1.0.0-rc.1", "deeper")
    assert [rule["name"] for rule in found["rules"] if not rule["passed"]] == ["version"]


def test_tag_on_a_side_branch_is_refused(clone, lastro):
    clone.run("git", "checkout", "-q", "-b", "aside", "deeper")
    clone.write("README.md", "aside\n")
    clone.commit("Aside")
    clone.run("git", "tag", "v1.0.1")
    with pytest.raises(
        VerdictError,
        match=r"^v1.0.1: must not be released \(branch\); lastro release plan v1.0.1 says why, and how to fix it$",
    ):
        lastro("release", "plan", "v1.0.1")
    head = clone.run("git", "rev-parse", "--short=12", "HEAD").stdout.strip()
    assert f"  FAIL branch: commit {head} is not on main; merge it first" in lastro.out
    assert lastro.json("release", "plan", "v1.0.1", "--branch", "aside")["allowed"]
    with pytest.raises(LastroError, match=r"no branch nowhere; git fetch origin, or name the default branch"):
        lastro("release", "plan", "v1.0.1", "--branch", "nowhere")


def test_commit_may_be_on_the_default_branch_here_before_it_is_pushed(clone, lastro):
    clone.run("git", "update-ref", "refs/remotes/origin/main", "v1.0.0")
    clone.run("git", "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    found = planned(clone, lastro, "v1.0.1", "deeper")
    (rule,) = [rule for rule in found["rules"] if rule["name"] == "branch"]
    assert found["allowed"]
    assert rule["detail"].endswith(" is on main, which origin/main has yet to get; git push")
    # As a workflow that a tag starts checks it out: without branches of its own.
    clone.run("git", "checkout", "-q", "--detach", "v1.0.1")
    clone.run("git", "branch", "-q", "-D", "main")
    (failed,) = [rule for rule in lastro_rules(lastro, "v1.0.1") if not rule["passed"]]
    assert " is not on origin/main; merge it first" in failed["detail"]


def test_default_branch_may_be_of_another_remote(clone, lastro):
    clone.run("git", "update-ref", "refs/remotes/upstream/trunk", "deeper")
    clone.run("git", "tag", "v1.0.1", "deeper")
    arguments = ("--branch", "upstream/trunk", "--without-champion", "another test")
    (rule, *_) = lastro.json("release", "plan", "v1.0.1", *arguments)["rules"]
    assert rule["detail"].endswith(" is on upstream/trunk")


@pytest.mark.parametrize("name", ["main", "origin/main", "heads/main"])
def test_tag_that_is_called_like_the_branch_is_no_way_around_it(clone, lastro, name):
    clone.run("git", "update-ref", "refs/remotes/origin/main", "v1.0.0")
    clone.run("git", "checkout", "-q", "-b", "aside", "deeper")
    clone.write("README.md", "aside\n")
    clone.commit("Aside")
    clone.run("git", "tag", "v1.0.1")
    clone.run("git", "tag", name)
    (failed,) = [rule for rule in lastro_rules(lastro, "v1.0.1") if not rule["passed"]]
    assert failed["name"] == "branch"


def lastro_rules(lastro, tag: str) -> list[dict]:
    with pytest.raises(VerdictError):
        lastro.json("release", "plan", tag, "--without-champion", "another test")
    return json.loads(lastro.out)["rules"]


@pytest.mark.parametrize("name", ["deeper", "1.0.1", "v1.0", "v1.0.1-beta.1", "HEAD", "main", ""])
def test_other_names_are_no_releases(clone, lastro, name):
    """Even where Git has such a tag."""
    clone.run("git", "tag", name, "deeper", check=False)
    with pytest.raises(LastroError, match=r"is no release tag; expected vX\.Y\.Z") as failed:
        lastro("release", "plan", name)
    assert failed.value.exit_code == 2


def test_tag_that_leads_nowhere_is_one_line(clone, lastro):
    with pytest.raises(
        LastroError, match=r"^v1.0.1: this clone has no such tag; git tag v1.0.1, or git fetch"
    ):
        lastro("release", "plan", "v1.0.1")
    clone.edit("params.yaml", '"seed": 42', '"seed": 43')
    clone.commit("Forgot dvc repro")
    clone.run("git", "tag", "v1.0.1")
    with pytest.raises(LastroError, match=r"^dvc.lock at v1.0.1: is outdated: .*commit dvc.lock$"):
        lastro("release", "plan", "v1.0.1")


def test_json_says_what_the_text_says(clone, lastro):
    clone.run("git", "tag", "v1.0.1", "dropped")
    both = {}
    for form in ((), ("--json",)):
        with pytest.raises(
            VerdictError, match=r"^v1.0.1: must not be released \(interface, champion's rows\)"
        ):
            lastro("release", "plan", "v1.0.1", *form)
        both[form] = lastro.out
    text, found = both[()], json.loads(both["--json",])
    assert (found["tag"], found["alias"], found["allowed"]) == ("v1.0.1", "production", False)
    commit = clone.run("git", "rev-parse", "dropped").stdout.strip()
    assert found["commit"] == commit
    assert text.splitlines()[:4] == [
        f"release: v1.0.1 moves production to town version {found['version']}",
        f"  commit {commit}",
        f"  model  {found['model']}",
        f"  in production now: {found['production']['release']}, version {found['production']['version']}",
    ]
    # Every rule, in the same order, with the same words and outcome.
    told = re.findall(r"^  (ok  |FAIL) ([^:]+): (.*)$", text, re.MULTILINE)
    rules = [*found["rules"], *found["verdict"]["rules"]]
    assert told == [("ok  " if r["passed"] else "FAIL", r["name"], r["detail"]) for r in rules]
    assert f"verdict: {'pass' if found['verdict']['passed'] else 'FAIL'}\n" in text
    assert [f"  not verified: {r['stage']}: {r['what']}" for r in found["unverified"]] == re.findall(
        r"^  not verified: .*$", text, re.MULTILINE
    )
    shown = lastro.json("show", str(found["version"]))
    assert {name: shown[name] for name in ("run", "model", "data", "params")} == {
        name: found[name] for name in ("run", "model", "data", "params")
    }
