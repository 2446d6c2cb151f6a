"""What the run of its pipeline gives a pull request: dvc.lock on its branch, a comment, the one required check."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path

from lastro.core.errors import LastroError, VerdictError
from lastro.core.markdown import code
from lastro.operations.github import branch as branches
from lastro.operations.github.client import GitHub
from lastro.operations.github.job import run_url
from lastro.operations.github.pulls import comment, open_pulls
from lastro.operations.report.content import MAXIMUM_BYTES, Failure, Report, read
from lastro.operations.report.pull_request import MARKER, render, render_failure

ARTIFACT, FILE = "report", "report.json"
MAXIMUM_ARTIFACT_BYTES = 2_000_000
CONTEXT = "Ready to merge"
"""Name of the job and of the status: the ruleset requires it under this name."""
MERGE = "merge; that registers this model."


def publish(github: GitHub, root: Path, folder: Path, branch: str, head: str, base: str | None) -> str | None:
    """Commit the lock, post the report; the commit that the branch is at now, None where somebody pushed meanwhile.

    folder: holds report.json and dvc.lock. base: what the pipeline ran merged with.

    Raises:
        LastroError: the files are not what they should be, or see `commit_lock`.
        ExternalError: GitHub or Git failed.
    """
    report = read(folder / FILE)
    pulls = open_pulls(github, head=f"{github.owner}:{branch}")
    commit, following = head, MERGE
    if not isinstance(report, Failure):
        lock = folder / branches.LOCK
        try:
            done = branches.commit_lock(root, head, branch, lock.read_bytes(), base)
        except branches.MovedError as error:
            print(f"notice: {error}")
            return None
        except OSError as error:
            raise LastroError(f"cannot be read ({error.strerror})", where=lock) from None
        commit = done.commit
        if done.made:
            following += f" `dvc.lock` was brought up to date on the branch ({commit[:12]}): `git pull` before you go on."
    text = _text(report, following, commit)
    for pull in pulls:
        if pull.branch == branch and pull.here:
            comment(github, pull.number, MARKER, text)
    return commit


def _text(report: Report | Failure, following: str, commit: str) -> str:
    """Write the comment; following: what to do next where the verdict is pass."""
    page = run_url()
    foot = f"<sub>{commit[:12]}{f' · [run]({page})' if page else ''}</sub>"
    if isinstance(report, Failure):
        return render_failure(report, foot)
    return render(report, following if report.passed else None, foot)


def fetch_report(github: GitHub, run: int) -> Report | Failure | None:
    """Fetch the report of a run without rights as what it is: something that a stranger's code wrote.

    Of the artifact only the one file is read, up to its maximum size, and nothing is written where its name says.
    None: the run has left no report, because it ended before.

    Raises:
        LastroError: it has expired, is too large, or is no report.
        ExternalError: GitHub refused.
    """
    listed = github.get(f"/actions/runs/{run}/artifacts", name=ARTIFACT)["artifacts"]
    found = [artifact for artifact in listed if artifact["name"] == ARTIFACT]
    if not found:
        return None
    if len(found) != 1 or found[0]["expired"]:
        raise LastroError(f"has no artifact {ARTIFACT} any more", where=f"run {run}", fix="run it again")
    where = f"run {run}: artifact {ARTIFACT}"
    if found[0]["size_in_bytes"] > MAXIMUM_ARTIFACT_BYTES:
        raise LastroError(
            f"has more than {MAXIMUM_ARTIFACT_BYTES} bytes; a report has some thousand", where=where
        )
    answer = github.call("GET", f"/actions/artifacts/{found[0]['id']}/zip")
    with tempfile.TemporaryDirectory(prefix="lastro-artifact-") as folder:
        path = Path(folder) / FILE
        try:
            with zipfile.ZipFile(io.BytesIO(answer.content)) as archive, archive.open(FILE) as file:
                path.write_bytes(file.read(MAXIMUM_BYTES + 1))
        except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, OSError):
            raise LastroError(f"holds no readable {FILE}", where=where) from None
        return read(path)


def comment_for_outsider(github: GitHub, report: Report | Failure, head: str) -> int:
    """Post the report of a run without rights on the open pull requests whose head is this commit.

    Returns how many there are: none where somebody pushed since. One of this repository's own branches is left out:
    its report comes from the run itself.
    """
    # GitHub's own list of a commit's pull requests leaves out forks.
    found = [pull for pull in open_pulls(github) if pull.head == head and not pull.ours]
    for pull in found:
        following = MERGE
        if isinstance(report, Report) and report.lock != "unchanged":
            commands = "`dvc repro`, `git commit -m 'dvc.lock' dvc.lock`, `git push`"
            following = (
                f"`dvc.lock` is outdated, and this run has no right to push to {code(pull.branch, 100)}. Whoever can, runs "
                f"there {commands}; then merge."
            )
        comment(github, pull.number, MARKER, _text(report, following, head))
    return len(found)


def why_not(needs: str) -> str | None:
    """Say what stands against a merge; None: nothing. needs: GitHub's context of that name, as JSON.

    Raises:
        LastroError: it is not what GitHub writes.
    """
    try:
        jobs = json.loads(needs)
        results = {name: job["result"] for name, job in jobs.items()}
        outputs = jobs["experiment"]["outputs"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LastroError("expected toJSON(needs) with a job experiment", where="LASTRO_NEEDS") from None
    if results["experiment"] != "success":
        return f"the pipeline did not come to an end ({results['experiment']}): see the job's log"
    outdated = outputs.get("lock") != "unchanged"
    # The tests of the code are red then, too: this says what to do.
    if outdated and results.get("publish") == "skipped":
        return "dvc.lock is outdated: dvc repro, commit dvc.lock, push"
    bad = [f"{name}: {result}" for name, result in results.items() if result not in ("success", "skipped")]
    if bad:
        return ", ".join(bad)
    # A step that was not run has no outcome: that is no pass.
    if outputs.get("verdict") != "success":
        return "the verdict is no: change params.yaml and push again"
    # A run without the job `publish` has committed no lock.
    return "dvc.lock is outdated" if outdated and results.get("publish") != "success" else None


def report_readiness(github: GitHub | None, needs: str, commit: str | None) -> None:
    """Set the status of `commit`, for which no workflow was started, and fail unless the pull request is ready.

    github: None where no status is to be set.

    Raises:
        VerdictError: the pull request is not ready.
        ExternalError: GitHub refused.
    """
    reason = why_not(needs)
    if github is not None and commit:
        content = {
            "state": "failure" if reason else "success",
            "context": CONTEXT,
            "description": (reason or "pipeline, verdict and tests pass")[:140],
        }
        page = {"target_url": run_url()} if run_url() else {}
        github.send("POST", f"/statuses/{commit}", {**content, **page})
    if reason:
        raise VerdictError(f"not ready to merge: {reason}")
