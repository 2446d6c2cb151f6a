"""What the run of its pipeline gives a pull request: dvc.lock on its branch, a comment, the one required check."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path

from lastro.core.errors import LastroError, VerdictError, readable
from lastro.core.markdown import code
from lastro.operations.github import branch as branches
from lastro.operations.github.client import GitHub
from lastro.operations.github.job import run_url
from lastro.operations.github.pulls import Pull, comment, open_pulls
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
    """
    report, made = read(folder / FILE), ""
    pulls = open_pulls(github, head=f"{github.owner}:{branch}")
    if isinstance(report, Report):
        with readable(folder / branches.LOCK):
            lock = (folder / branches.LOCK).read_bytes()
        try:
            head, new = branches.commit_lock(root, head, branch, lock, base)
        except branches.MovedError as error:
            print(f"notice: {error}")
            return None
        if new:
            made = f" `dvc.lock` was brought up to date on the branch ({head[:12]}): `git pull` before you go on."
    for pull in pulls:
        if pull.branch == branch and pull.here:
            _post(github, pull, report, head, MERGE + made)
    return head


def _post(github: GitHub, pull: Pull, report: Report | Failure, commit: str, following: str) -> None:
    """Write the report as the pull request's comment. following: what to do next if the verdict is pass."""
    page = run_url()
    foot = f"<sub>{commit[:12]}{f' · [run]({page})' if page else ''}</sub>"
    if isinstance(report, Failure):
        text = render_failure(report, foot)
    else:
        text = render(report, following if report.passed else None, foot)
    comment(github, pull.number, MARKER, text)


def fetch_report(github: GitHub, run: int) -> Report | Failure | None:
    """Fetch the report of a run without rights as what it is: something that a stranger's code wrote.

    Of the artifact only the one file is read, up to its maximum size, and nothing is written where its name says.
    None: the run has left no report, because it ended before.
    """
    listed = github.get(f"/actions/runs/{run}/artifacts", name=ARTIFACT)["artifacts"]
    found = [artifact for artifact in listed if artifact["name"] == ARTIFACT]
    if not found:
        return None
    if len(found) != 1 or found[0]["expired"]:
        raise LastroError(f"has no artifact {ARTIFACT} any more", where=f"run {run}", fix="run it again")
    where = f"run {run}: artifact {ARTIFACT}"
    if found[0]["size_in_bytes"] > MAXIMUM_ARTIFACT_BYTES:
        problem = f"has more than {MAXIMUM_ARTIFACT_BYTES} bytes; a report has some thousand"
        raise LastroError(problem, where=where)
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
        outdated = (
            f"`dvc.lock` is outdated, and this run has no right to push to {code(pull.branch, 100)}. Whoever can, runs there "
            "`dvc repro`, `git commit -m 'dvc.lock' dvc.lock`, `git push`; then merge."
        )
        following = MERGE if getattr(report, "lock", None) == "unchanged" else outdated
        _post(github, pull, report, head, following)
    return len(found)


def why_not(needs: str) -> str | None:
    """Say what stands against a merge; None: nothing. needs: GitHub's context of that name, as JSON."""
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
    """
    reason = why_not(needs)
    if github is not None and commit:
        content = {
            "state": "failure" if reason else "success",
            "context": CONTEXT,
            "description": (reason or "pipeline, verdict and tests pass")[:140],
        }
        if run_url():
            content["target_url"] = run_url()
        github.send("POST", f"/statuses/{commit}", content)
    if reason:
        raise VerdictError(f"not ready to merge: {reason}")
