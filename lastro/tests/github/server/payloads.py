"""Event payloads (github.event), as webhooks have them: the fields that workflows use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.github.server import views
from tests.github.server.git import ZERO

if TYPE_CHECKING:
    from tests.github.server.pulls import Pull
    from tests.github.server.repository import Repository


def _common(of: Repository, by: str) -> dict[str, Any]:
    return {"repository": views.repository(of), "sender": views.user(by)}


def push(of: Repository, ref: str, before: str, after: str, by: str) -> dict[str, Any]:
    head = None
    if after != ZERO:
        message = of.git.run("log", "-1", "--format=%B", after)
        author = {"name": by, "email": f"{by}@users.example.com", "username": by}
        head = {"id": after, "message": message, "author": author, "committer": author}
    return _common(of, by) | {
        "ref": ref,
        "before": before,
        "after": after,
        "created": before == ZERO,
        "deleted": after == ZERO,
        "forced": ZERO not in (before, after) and not of.git.is_ancestor(before, after),
        "base_ref": None,
        "compare": f"{of.url}/compare/{before[:12]}...{after[:12]}",
        "commits": [head] if head else [],
        "head_commit": head,
        "pusher": {"name": by, "email": f"{by}@users.example.com"},
    }


def pull_request(of: Repository, action: str, pull: Pull, by: str) -> dict[str, Any]:
    full = views.pull(pull, full=False)
    full |= {"merged": pull.merged is not None, "mergeable": None, "mergeable_state": "unknown"}
    return _common(of, by) | {"action": action, "number": pull.number, "pull_request": full}


def merge_group(of: Repository, branch: str, sha: str, base: str, base_sha: str, by: str) -> dict[str, Any]:
    group = {
        "head_sha": sha,
        "head_ref": f"refs/heads/{branch}",
        "base_sha": base_sha,
        "base_ref": f"refs/heads/{base}",
    }
    return _common(of, by) | {"action": "checks_requested", "merge_group": group}


def dispatch(of: Repository, workflow: str, inputs: dict[str, str], ref: str, by: str) -> dict[str, Any]:
    file = f".github/workflows/{workflow}"
    return _common(of, by) | {"inputs": inputs or None, "ref": ref, "workflow": file}


def schedule(of: Repository, cron: str, by: str) -> dict[str, Any]:
    return _common(of, by) | {"schedule": cron}


def workflow_run(of: Repository, run: dict[str, Any], action: str = "completed") -> dict[str, Any]:
    """The end of a run, for `on: workflow_run`. A fork's run lists no pull requests, as GitHub's does not."""
    view = views.run(run, of)
    return _common(of, run["actor"]) | {
        "action": action,
        "workflow_run": view,
        "workflow": {"name": run["name"], "path": run["path"]},
    }
