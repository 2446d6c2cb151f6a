"""What becomes of drift on GitHub: one issue, and one pull request that retrains."""

from __future__ import annotations

from pathlib import Path

from lastro.drift.content import Drift
from lastro.drift.text import MARKER, render
from lastro.errors import LastroError
from lastro.github import lock, remote
from lastro.github.client import GitHub, run_url
from lastro.github.update import WORKFLOW
from lastro.lineage import git

LABEL = "drift"
BRANCH = "lastro/retrain"


def open_issue(github: GitHub, found: Drift) -> int | None:
    """Open the issue, or refresh the open one; its number. None: nothing has drifted, and no issue is open.

    Raises:
        ExternalError: GitHub says no.
    """
    where = run_url()
    text = render(found) + (f"\n<sub>[run]({where})</sub>\n" if where else "")
    for issue in github.pages("/issues", state="open", labels=LABEL):
        if "pull_request" not in issue and (issue["body"] or "").startswith(MARKER):
            github.send("PATCH", f"/issues/{issue['number']}", {"body": text})
            return issue["number"]
    if not found.drifted:
        return None
    title = f"{found.model_name}: the data has moved away from {found.release}"
    return github.send("POST", "/issues", {"title": title, "body": text, "labels": [LABEL]})["number"]


def open_retraining(github: GitHub, root: Path, base: str, files: dict[str, bytes]) -> int | None:
    """Put the files (dvc.lock, and what DVC tracks the source by) on a branch, open its pull request, start its pipeline.

    None: the files are what the default branch has, so there is nothing to learn from. The branch is this command's own: one
    with other commits on it is left alone.

    Raises:
        LastroError: somebody else has committed to the branch.
        ExternalError: GitHub or Git says no.
    """
    remote.fetch(root, f"+refs/heads/{base}:refs/remotes/origin/{base}")
    head = git.resolve(root, f"refs/remotes/origin/{base}")
    changed = {path: content for path, content in files.items() if lock.blob(root, head, path) != content}
    if not changed:
        return None
    tip = remote.tip(root, BRANCH)
    if tip is not None:
        remote.fetch(root, f"+refs/heads/{BRANCH}:refs/lastro/retrain")
        who = git.attempt(root, "log", "-1", "--format=%ae", tip).stdout.decode().strip()
        if who != remote.BOT["EMAIL"]:
            raise LastroError(f"{BRANCH}: has commits of {who or 'somebody'}; merge or delete the branch")
    message = (
        f"Retrain on the newest data\n\nThe pipeline at {head[:12]}, run on what the source gives now.\n"
    )
    commit = lock.commit_files(root, head, [head], changed, message)
    remote.push(root, commit, BRANCH, tip or "")
    there = [p for p in github.pages("/pulls", state="open", head=f"{github.owner}:{BRANCH}")]
    if there:
        number = there[0]["number"]
    else:
        content = {
            "title": "Retrain on the newest data",
            "head": BRANCH,
            "base": base,
            "body": "The newest data has moved away from the model in production. This is the model that the same "
            "`params.yaml` gives on it; the report says whether it is better.",
        }
        number = github.send("POST", "/pulls", content)["number"]
    # What a workflow's token pushes and opens starts no run, except by dispatch.
    github.send("POST", f"/actions/workflows/{WORKFLOW}/dispatches", {"ref": BRANCH})
    return number
