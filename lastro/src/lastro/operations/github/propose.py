"""What workflows open by themselves and refresh: pull requests from a branch of their own, and the issue about drift."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lastro.core.errors import ExternalError, LastroError
from lastro.core.markdown import code
from lastro.operations.github import branch
from lastro.operations.github.client import GitHub
from lastro.operations.github.job import run_url
from lastro.operations.github.pulls import start_pipeline
from lastro.operations.lineage import git
from lastro.operations.report.drift import MARKER, Drift, render

LABEL = "drift"


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


def with_update(root: Path) -> tuple[Proposal, dict[str, bytes | None]]:
    """Read what `make update` left in the working tree: the proposal with newer locks, and the files that changed.

    Paths are those from the top of the Git repository. None: the file was deleted. Files that conflict hold both sides.
    """
    if git.attempt(root, "diff", "--quiet", "HEAD", "--", ".copier-answers.yml").returncode != 1:
        return LOCKS, {}
    top = Path(git.attempt(root, "rev-parse", "--show-toplevel").stdout.decode().strip())
    changed = _names(top, "diff", "--name-only", "--no-renames", "HEAD")
    changed |= _names(top, "ls-files", "--others", "--exclude-standard")
    conflicts = _names(top, "diff", "--name-only", "--diff-filter=U")
    body = "A newer version of Lastro, merged by copier, and the locks for it. The report says what they do to the model."
    if conflicts:
        names = "\n".join(f"- {code(name)}" for name in sorted(conflicts))
        body += f"\n\n**Conflicts**, to be resolved where the files hold `<<<<<<<` and `>>>>>>>`:\n\n{names}"
    proposal = replace(LOCKS, title="Newer Lastro and packages", body=body)
    return proposal, {name: _content(top / name) for name in changed}


def _names(top: Path, *command: str) -> set[str]:
    listed = git.attempt(top, command[0], "-z", *command[1:]).stdout.decode()
    return set(filter(None, listed.split("\0")))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def propose(
    github: GitHub, root: Path, proposal: Proposal, base: str, files: dict[str, bytes | None]
) -> int | None:
    """Put the files on the branch, open its pull request, start its pipeline; the number. A file that is None is deleted.

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
    commit = branch.commit_files(root, head, [head], changed, message)
    try:
        branch.push(root, commit, proposal.branch, tip or "")
    except ExternalError as error:
        if any(".github/workflows/" in path for path in changed):
            error.fix = "a workflow's own token may push no workflow file: set UPDATE_TOKEN, or run make update in a clone"
        raise
    found = next(github.pages("/pulls", state="open", head=f"{github.owner}:{proposal.branch}"), None)
    if found is None:
        content = {"title": proposal.title, "head": proposal.branch, "base": base, "body": proposal.body}
        found = github.send("POST", "/pulls", content)
    elif found["title"] != proposal.title or "**Conflicts**" in proposal.body + (found["body"] or ""):
        github.send("PATCH", f"/pulls/{found['number']}", {"title": proposal.title, "body": proposal.body})
    # What a workflow's token pushes and opens starts no run, except by dispatch.
    start_pipeline(github, proposal.branch)
    return found["number"]


def drift_issue(github: GitHub, found: Drift) -> int | None:
    """Open the issue, or refresh the open one; its number. None: nothing has drifted, and no issue is open.

    Raises:
        ExternalError: GitHub refused.
    """
    page = run_url()
    text = render(found) + (f"\n<sub>[run]({page})</sub>\n" if page else "")
    title = f"{found.model_name}: the data has moved away from {found.release}"
    for issue in github.pages("/issues", state="open", labels=LABEL):
        if "pull_request" not in issue and (issue["body"] or "").startswith(MARKER):
            # Where nothing could be compared, what was found before still stands.
            if found.not_compared is None:
                named = {"title": title} if found.drifted else {}
                github.send("PATCH", f"/issues/{issue['number']}", {"body": text, **named})
            return issue["number"]
    if not found.drifted:
        return None
    return github.send("POST", "/issues", {"title": title, "body": text, "labels": [LABEL]})["number"]
