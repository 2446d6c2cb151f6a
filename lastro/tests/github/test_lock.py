"""dvc.lock on a branch: one commit, made once, never over somebody else's push, and never something else."""

from __future__ import annotations

import pytest

from lastro.core.errors import LastroError
from lastro.operations.github import branch as branches
from lastro.operations.github.branch import LockCommit, MovedError, commit_lock
from tests.github.commands import LOCK, checkout, client

pytestmark = pytest.mark.e2e
NEW = LOCK.replace("NAME", "new").encode()


@pytest.fixture
def branch(github, model, tmp_path, monkeypatch):
    """A branch `x` whose params were edited, a clone of main, and the right to write."""
    head = model.commit("x", {"params.yaml": "depth: 4\n"})
    client(github, monkeypatch, contents="write")
    return checkout(github, model, tmp_path / "clone"), head


def test_brought_once_and_only_that(model, branch):
    root, head = branch
    made = commit_lock(root, head, "x", NEW)
    assert made.made
    assert model.git.sha("refs/heads/x") == made.commit
    assert model.git.read(made.commit, "dvc.lock") == NEW
    assert model.git.run("diff", "--name-only", head, made.commit) == "dvc.lock"
    assert model.git.run("log", "-1", "--format=%an", made.commit) == "github-actions[bot]"
    # A second try of the same job, and a run for the commit that was made.
    assert commit_lock(root, head, "x", NEW) == LockCommit(made.commit, False)
    assert commit_lock(root, made.commit, "x", NEW) == LockCommit(made.commit, False)
    assert model.git.sha("refs/heads/x") == made.commit


def test_a_push_meanwhile_stays(model, branch):
    root, head = branch
    theirs = model.commit("x", {"params.yaml": "depth: 5\n"})
    with pytest.raises(MovedError):
        commit_lock(root, head, "x", NEW)
    assert model.git.sha("refs/heads/x") == theirs


def test_a_push_between_look_and_push_stays(model, branch, monkeypatch):
    root, head = branch
    theirs = []
    commit = branches.commit_files

    def late(*arguments):
        made = commit(*arguments)
        theirs.append(model.commit("x", {"params.yaml": "depth: 5\n"}))
        return made

    monkeypatch.setattr(branches, "commit_files", late)
    with pytest.raises(MovedError):
        commit_lock(root, head, "x", NEW)
    assert model.git.sha("refs/heads/x") == theirs[0]


def test_a_branch_that_is_gone(model, branch):
    root, head = branch
    model.delete("refs/heads/x")
    with pytest.raises(LastroError):
        commit_lock(root, head, "x", NEW)
    assert model.git.sha("refs/heads/x") is None


@pytest.mark.parametrize("content", [b"", b"a: [", b"[1]", b"stages: 3\n", b"x" * 6_000_000, b"\xff\xfe"])
def test_only_a_lock_is_committed(model, branch, content):
    root, head = branch
    with pytest.raises(LastroError, match=r"no dvc\.lock"):
        commit_lock(root, head, "x", content)
    assert model.git.sha("refs/heads/x") == head


def test_a_conflict_in_the_lock_alone_is_merged(github, model, tmp_path, monkeypatch):
    head = model.commit("x", {"params.yaml": "depth: 4\n", "dvc.lock": "a\nb\nx\nd\ne\n"})
    base = model.commit("main", {"dvc.lock": "a\nb\nmain\nd\ne\n", "README.md": "Hello\n"})
    client(github, monkeypatch, contents="write")
    root = checkout(github, model, tmp_path / "clone")
    made = commit_lock(root, head, "x", NEW, base)
    assert model.git.run("log", "-1", "--format=%P", made.commit).split() == [head, base]
    assert model.git.read(made.commit, "dvc.lock") == NEW
    assert model.git.read(made.commit, "params.yaml") == b"depth: 4\n"
    assert model.git.read(made.commit, "README.md") == b"Hello\n"
    assert commit_lock(root, head, "x", NEW, base) == LockCommit(made.commit, False)


def test_a_conflict_elsewhere_is_left_alone(github, model, tmp_path, monkeypatch):
    head = model.commit("x", {"params.yaml": "depth: 4\n"})
    base = model.commit("main", {"params.yaml": "depth: 9\n"})
    client(github, monkeypatch, contents="write")
    root = checkout(github, model, tmp_path / "clone")
    with pytest.raises(LastroError, match=r"conflicts in params\.yaml"):
        commit_lock(root, head, "x", NEW, base)
    assert model.git.sha("refs/heads/x") == head


def test_without_the_right_nothing_is_pushed(github, model, tmp_path, monkeypatch):
    head = model.commit("x", {"params.yaml": "depth: 4\n"})
    client(github, monkeypatch, contents="read")
    root = checkout(github, model, tmp_path / "clone")
    with pytest.raises(LastroError, match="git push: failed"):
        commit_lock(root, head, "x", NEW)
    assert model.git.sha("refs/heads/x") == head
