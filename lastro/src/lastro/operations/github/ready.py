"""The one required check: what all jobs of a pull request's run came to."""

from __future__ import annotations

import json

from lastro.core.errors import LastroError, VerdictError
from lastro.operations.github.client import GitHub
from lastro.operations.github.job import run_url

CONTEXT = "Ready to merge"
"""Name of the job and of the status: the ruleset requires it under this name."""


def why_not(needs: str) -> str | None:
    """What stands against a merge; None: nothing. needs: GitHub's context of that name, as JSON.

    Raises:
        LastroError: it is not what GitHub writes.
    """
    try:
        jobs = json.loads(needs)
        results = {name: job["result"] for name, job in jobs.items()}
        said = jobs["experiment"]["outputs"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LastroError("expected toJSON(needs) with a job experiment", where="LASTRO_NEEDS") from None
    if results["experiment"] != "success":
        return f"the pipeline did not come to an end ({results['experiment']}): see the job's log"
    bad = [f"{name}: {result}" for name, result in results.items() if result not in ("success", "skipped")]
    if bad:
        return ", ".join(bad)
    # A step that was not run has no outcome: that is no pass.
    if said.get("verdict") != "success":
        return "the verdict is no: change params.yaml and push again"
    # Where it may push, publish has brought the lock; elsewhere it is skipped.
    if said.get("lock") != "true" and results.get("publish") != "success":
        return "dvc.lock is stale: dvc repro, commit dvc.lock, push"
    return None


def settle(github: GitHub | None, needs: str, commit: str | None) -> None:
    """Say it, and put it on `commit`, which no workflow was started for. github: None where nothing is to be put.

    Raises:
        VerdictError: the pull request is not ready.
        ExternalError: GitHub says no.
    """
    reason = why_not(needs)
    if github is not None and commit:
        content = {
            "state": "failure" if reason else "success",
            "context": CONTEXT,
            "description": (reason or "pipeline, verdict and tests pass")[:140],
        }
        where = run_url()
        github.send("POST", f"/statuses/{commit}", {**content, **({"target_url": where} if where else {})})
    if reason:
        raise VerdictError(f"not ready to merge: {reason}")
