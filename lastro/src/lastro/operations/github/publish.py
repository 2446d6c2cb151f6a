"""What a pull request gets from the job that ran its pipeline: dvc.lock on its branch, and the report as a comment."""

from __future__ import annotations

from pathlib import Path

from lastro.core.errors import LastroError
from lastro.core.markdown import code
from lastro.operations.github import comment, lock, pulls, remote
from lastro.operations.github.client import GitHub
from lastro.operations.github.job import run_url
from lastro.operations.report.content import Failure, Report, read
from lastro.operations.report.pull_request import MARKER, render, render_failure


def publish(github: GitHub, root: Path, folder: Path, branch: str, head: str, base: str | None) -> str | None:
    """Bring the lock, post the report; the commit that the branch is at now, None where somebody pushed meanwhile.

    folder: holds report.json and dvc.lock. base: what the pipeline ran merged with.

    Raises:
        LastroError: the files are not what they should be, or see `lock.bring`.
        ExternalError: GitHub or Git says no.
    """
    report = read(folder / "report.json")
    found = pulls.of_branch(github, branch)
    if isinstance(report, Failure):
        for pull in found:
            comment.post(github, pull.number, MARKER, render_failure(report, _foot(head)))
        return head
    try:
        brought = lock.bring(root, head, branch, (folder / lock.NAME).read_bytes(), base)
    except remote.MovedError as error:
        print(f"notice: {error}")
        return None
    except OSError as error:
        raise LastroError(f"cannot be read ({error.strerror})", where=folder / lock.NAME) from None
    text = render(report, _next(report, brought), _foot(brought.commit))
    for pull in found:
        comment.post(github, pull.number, MARKER, text)
    return brought.commit


def _next(report: Report, brought: lock.Brought) -> str | None:
    if not report.passed or not brought.made:
        return None if not report.passed else "merge; that registers this model."
    return (
        f"merge; that registers this model. `dvc.lock` was brought up to date on the branch ({brought.commit[:12]}): "
        "`git pull` before you go on."
    )


def comment_for_outsider(github: GitHub, report: Report | Failure, head: str) -> int:
    """Post the report of a run that had no rights, on the open pull requests whose head is this commit.

    Returns how many there are: none where somebody pushed since. One of this repository's own branches is passed over:
    its report comes from the run itself.
    """
    found = [pull for pull in pulls.at_commit(github, head) if not pull.ours]
    for pull in found:
        if isinstance(report, Failure):
            text = render_failure(report, _foot(head))
        else:
            text = render(report, _next_for_outsider(report, pull), _foot(head))
        comment.post(github, pull.number, MARKER, text)
    return len(found)


def _next_for_outsider(report: Report, pull: pulls.Pull) -> str | None:
    if not report.passed:
        return None
    if report.lock == "true":
        return "merge; that registers this model."
    commands = "`dvc repro`, `git commit -m 'dvc.lock' dvc.lock`, `git push`"
    return (
        f"`dvc.lock` is stale, and this run has no right to push to {code(pull.branch, 100)}. Whoever can, runs there "
        f"{commands}; then merge."
    )


def _foot(commit: str) -> str:
    where = run_url()
    return f"<sub>{commit[:12]}{f' · [run]({where})' if where else ''}</sub>"
