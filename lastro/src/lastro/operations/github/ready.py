"""Decide the one required check: what all jobs of a pull request's run came to."""

from __future__ import annotations

import json

from lastro.core.errors import LastroError, VerdictError
from lastro.operations.github.client import GitHub
from lastro.operations.github.job import run_url

CONTEXT = "Ready to merge"
"""Name of the job and of the status: the ruleset requires it under this name."""


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
