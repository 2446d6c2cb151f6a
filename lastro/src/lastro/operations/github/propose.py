"""Open a pull request from a workflow: one branch of its own, refreshed, and its pipeline started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lastro.core.errors import LastroError
from lastro.operations.github import branch
from lastro.operations.github.client import GitHub
from lastro.operations.github.refresh import start_pipeline
from lastro.operations.lineage import git


@dataclass(frozen=True)
class Proposal:
    """What is proposed, and the branch that it is kept on."""

    branch: str
    title: str
    body: str


RETRAIN = Proposal(
    "lastro/retrain",
    "Retrain on the newest data",
    "The newest data has moved away from the model in production. This is the model that the same `params.yaml` gives on it; "
    "the report says whether it is better.",
)
LOCKS = Proposal(
    "lastro/dependencies",
    "Newer packages",
    "The locks, resolved again without what is younger than a week. The report says what they do to the model.",
)


def propose(github: GitHub, root: Path, proposal: Proposal, base: str, files: dict[str, bytes]) -> int | None:
    """Put the files on the branch, open its pull request, start its pipeline; the number.

    None: the default branch has the same files already. A branch with anybody else's commit on it is left alone.

    Raises:
        LastroError: somebody else has committed to the branch.
        AnswerError: GitHub refused; 403 where the repository lets no workflow open pull requests: the branch is there then.
        ExternalError: Git failed.
    """
    branch.fetch(root, f"+refs/heads/{base}:refs/remotes/origin/{base}")
    head = git.resolve(root, f"refs/remotes/origin/{base}")
    changed = {path: content for path, content in files.items() if branch.blob(root, head, path) != content}
    if not changed:
        return None
    tip = branch.tip(root, proposal.branch)
    if tip is not None:
        branch.fetch(root, f"+refs/heads/{proposal.branch}:refs/lastro/proposal")
        listed = git.attempt(root, "log", "--format=%ae", f"{head}..{tip}").stdout.decode().split()
        others = sorted(set(listed) - {branch.BOT["EMAIL"]})
        if others:
            raise LastroError(
                f"has commits of {', '.join(others)}", where=proposal.branch, fix="merge or delete the branch"
            )
    message = f"{proposal.title}\n\nMade at {head[:12]} by a workflow.\n"
    branch.push(root, branch.commit_files(root, head, [head], changed, message), proposal.branch, tip or "")
    found = next(github.pages("/pulls", state="open", head=f"{github.owner}:{proposal.branch}"), None)
    if found is None:
        content = {"title": proposal.title, "head": proposal.branch, "base": base, "body": proposal.body}
        found = github.send("POST", "/pulls", content)
    # What a workflow's token pushes and opens starts no run, except by dispatch.
    start_pipeline(github, proposal.branch)
    return found["number"]
