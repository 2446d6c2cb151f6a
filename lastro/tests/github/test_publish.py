"""What a run that may write gives a pull request: whose branch gets its report, and which branch is never committed to."""

from __future__ import annotations

import pytest

from lastro.cli.github import github as command
from lastro.core.errors import LastroError
from lastro.operations.github.publish import publish
from lastro.operations.report.pull_request import MARKER
from tests.github.commands import LOCK, as_bytes, checkout, client, report

pytestmark = pytest.mark.e2e


@pytest.fixture
def incoming(tmp_path):
    """What the job before has left."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    (folder / "report.json").write_bytes(as_bytes(report()))
    (folder / "dvc.lock").write_text(LOCK.replace("NAME", "new"))
    return folder


def test_a_dispatched_run_on_dependabots_branch_reports_there(github, model, tmp_path, monkeypatch, incoming):
    head = model.commit("dependabot/uv/x", {"requirements/runtime.lock": "x\n"}, by="dependabot[bot]")
    pull = model.open_pull("dependabot/uv/x", by="dependabot[bot]")
    caller = client(github, monkeypatch, contents="write", pull_requests="write")
    root = checkout(github, model, tmp_path / "clone")
    commit = publish(caller, root, incoming, "dependabot/uv/x", head, None)
    assert model.git.sha("dependabot/uv/x") == commit != head
    [comment] = pull.comments
    assert comment["body"].startswith(MARKER)


def test_a_forks_branch_of_the_same_name_gets_no_report_of_ours(
    github, model, tmp_path, monkeypatch, incoming
):
    head = model.commit("x", {"params.yaml": "depth: 4\n"})
    ours = model.open_pull("x")
    fork = github.fork("acme/model", "eve")
    fork.commit("x", {"params.yaml": "depth: 9\n"}, by="eve")
    theirs = model.open_pull("eve:x", by="eve")
    caller = client(github, monkeypatch, contents="write", pull_requests="write")
    publish(caller, checkout(github, model, tmp_path / "clone"), incoming, "x", head, None)
    assert (len(ours.comments), len(theirs.comments)) == (1, 0)


def test_the_default_branch_is_never_committed_to(github, model, incoming):
    head = model.git.sha("main")
    options = ["--branch", "main", "--head", head, "--default-branch", "main", "--from", str(incoming)]
    with pytest.raises(LastroError, match="is the default branch"):
        command.main(["publish", *options], standalone_mode=False)
    assert model.git.sha("main") == head
