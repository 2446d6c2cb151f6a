"""Pull requests: those that are open, the comment on one, those brought up to date, and those that workflows open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lastro.core.errors import ExternalError, LastroError
from lastro.core.markdown import code
from lastro.operations.github import branch as branches
from lastro.operations.github.client import AnswerError, GitHub
from lastro.operations.github.job import run_url
from lastro.operations.lineage import git
from lastro.operations.report import drift

MARKER = "<!-- lastro update -->"
WORKFLOW = "pull-request.yml"
LABEL = "drift"


class Pull(NamedTuple):
    """An open pull request: the commit it is at, and the name of its branch, in the repository that it comes from.

    here: it comes from a branch of this repository. ours: and not from Dependabot, whose code nobody has looked at.
    """

    number: int
    head: str
    branch: str
    here: bool
    ours: bool


class Refreshed(NamedTuple):
    """What became of one pull request. refused: GitHub refused to start or to comment."""

    pull: Pull
    what: str
    refused: bool = False


class Proposal(NamedTuple):
    """What a workflow proposes, and the branch that it is kept on."""

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


def open_pulls(github: GitHub, **query: str) -> list[Pull]:
    """List the open pull requests; query: see GitHub's API."""
    found = []
    for content in github.pages("/pulls", state="open", **query):
        head, author = content["head"], (content["user"] or {}).get("login")
        here = (head["repo"] or {}).get("full_name", "").lower() == github.name.lower()
        ours = here and author != "dependabot[bot]"
        found.append(Pull(content["number"], head["sha"], head["ref"], here, ours))
    return found


def comment(github: GitHub, number: int, marker: str, text: str) -> None:
    """Put `text`, which begins with the marker, into the comment that has it already, or into a new one.

    Only a comment of a bot is refreshed: anybody can write the marker.
    """
    for found in github.pages(f"/issues/{number}/comments"):
        if (found["user"] or {}).get("type") == "Bot" and found["body"].startswith(marker):
            if found["body"] != text:
                github.send("PATCH", f"/issues/comments/{found['id']}", {"body": text})
            return
    github.send("POST", f"/issues/{number}/comments", {"body": text})


def _start_pipeline(github: GitHub, branch: str) -> None:
    """Start it by dispatch: one of the two events that a workflow's token may cause."""
    github.send("POST", f"/actions/workflows/{WORKFLOW}/dispatches", {"ref": branch})


def refresh(github: GitHub, root: Path, branch: str, once: bool = False) -> Iterator[Refreshed]:
    """Start the pipeline for each branch of this repository that conflicts in dvc.lock alone: GitHub starts no run for it.

    The authors of the others are told the commands that do the same. once: skip a branch whose pipeline was started at its
    present commit before: it is at work, or has failed.
    """
    branches.fetch(root, f"+refs/heads/{branch}:refs/remotes/origin/{branch}")
    base = git.resolve(root, f"refs/remotes/origin/{branch}")
    for pull in open_pulls(github, base=branch):
        try:
            branches.fetch(root, f"+refs/pull/{pull.number}/head:refs/lastro/pull/{pull.number}")
            names = branches.conflicts(root, base, git.resolve(root, f"refs/lastro/pull/{pull.number}"))[1]
            if not names:
                yield Refreshed(pull, "fits as it is")
            elif names != [f"{git.prefix(root)}{branches.LOCK}"]:
                yield Refreshed(pull, f"left to its author: {', '.join(names)}")
            else:
                what = _bring_up_to_date(github, pull, branch, once)
                yield Refreshed(pull, f"conflicts in dvc.lock alone: {what}")
        except AnswerError as error:
            # Merged or closed a moment ago, for example: the others wait for theirs.
            yield Refreshed(pull, f"refused: {error}", refused=True)
        except ExternalError as error:
            # The others go on: this one may have no common history, for example.
            yield Refreshed(pull, f"left alone: {error}")


def _bring_up_to_date(github: GitHub, pull: Pull, branch: str, once: bool) -> str:
    if not pull.ours:
        text = (
            f"{MARKER}\n{code(branch, 100)} has moved on, and this conflicts with it in `dvc.lock` alone. In a clone, on "
            f"{code(pull.branch, 100)}:\n\n"
            f"```sh\ngit remote add upstream REPOSITORY  # once\ngit fetch upstream\nlastro merge upstream/{branch}\n"
            'dvc repro\ngit commit -m "dvc.lock" dvc.lock\ngit push\n```\n'
        )
        comment(github, pull.number, MARKER, text)
        return "its author was told the commands"
    if once:
        runs = github.get("/actions/runs", head_sha=pull.head, event="workflow_dispatch", per_page=100)
        paths = [run["path"].partition("@")[0] for run in runs["workflow_runs"]]
        if any(path.endswith(f"/{WORKFLOW}") for path in paths):
            return "its pipeline was started at this commit before"
    _start_pipeline(github, pull.branch)
    return "its pipeline was started"


def with_update(root: Path) -> tuple[Proposal, dict[str, bytes | None]]:
    """Read what `make update` left in the working tree: the proposal with newer locks, and the files that changed.

    Paths are those from the top of the Git repository. None: the file was deleted. Files that conflict hold both sides.
    """
    if git.attempt(root, "diff", "--quiet", "HEAD", "--", ".copier-answers.yml").returncode != 1:
        return LOCKS, {}
    top = Path(git.line(root, "rev-parse", "--show-toplevel"))
    changed = _names(top, "diff", "--name-only", "--no-renames", "HEAD")
    changed |= _names(top, "ls-files", "--others", "--exclude-standard")
    conflicts = _names(top, "diff", "--name-only", "--diff-filter=U")
    body = "A newer version of Lastro, merged by copier, and the locks for it. The report says what they do to the model."
    if conflicts:
        names = "\n".join(f"- {code(name)}" for name in sorted(conflicts))
        body += f"\n\n**Conflicts**, to be resolved where the files hold `<<<<<<<` and `>>>>>>>`:\n\n{names}"
    files = {name: (top / name).read_bytes() if (top / name).is_file() else None for name in changed}
    return LOCKS._replace(title="Newer Lastro and packages", body=body), files


def _names(top: Path, *command: str) -> set[str]:
    return set(filter(None, git.attempt(top, command[0], "-z", *command[1:]).stdout.decode().split("\0")))


def propose(
    github: GitHub, root: Path, proposal: Proposal, base: str, files: dict[str, bytes | None]
) -> int | None:
    """Put the files on the branch, open its pull request, start its pipeline; the number. A file that is None is deleted.

    None: the default branch has the same files already. A branch with anybody else's commit on it is left alone.

    Raises:
        LastroError: somebody else has committed to the branch.
        AnswerError: GitHub refused; 403 where the repository lets no workflow open pull requests: the branch is there then.
    """
    branches.fetch(root, f"+refs/heads/{base}:refs/remotes/origin/{base}")
    head = git.resolve(root, f"refs/remotes/origin/{base}")
    changed = {path: content for path, content in files.items() if branches.blob(root, head, path) != content}
    if not changed:
        return None
    tip = branches.tip(root, proposal.branch)
    if tip is not None:
        branches.fetch(root, f"+refs/heads/{proposal.branch}:refs/lastro/proposal")
        authors = set(git.line(root, "log", "--format=%ae", f"{head}..{tip}").split())
        others = ", ".join(sorted(authors - {branches.BOT["EMAIL"]}))
        if others:
            fix = "merge or delete the branch"
            raise LastroError(f"has commits of {others}", where=proposal.branch, fix=fix)
    message = f"{proposal.title}\n\nMade at {head[:12]} by a workflow.\n"
    commit = branches.commit_files(root, head, [head], changed, message)
    try:
        branches.push(root, commit, proposal.branch, tip or "")
    except ExternalError as error:
        if any(".github/workflows/" in path for path in changed):
            error.fix = "a workflow's own token may push no workflow file: set UPDATE_TOKEN, or run make update in a clone"
        raise
    found = next(github.pages("/pulls", state="open", head=f"{github.owner}:{proposal.branch}"), None)
    content = {"title": proposal.title, "body": proposal.body}
    if found is None:
        found = github.send("POST", "/pulls", {**content, "head": proposal.branch, "base": base})
    elif found["title"] != proposal.title or "**Conflicts**" in proposal.body + (found["body"] or ""):
        github.send("PATCH", f"/pulls/{found['number']}", content)
    # What a workflow's token pushes and opens starts no run, except by dispatch.
    _start_pipeline(github, proposal.branch)
    return found["number"]


def drift_issue(github: GitHub, found: drift.Drift) -> int | None:
    """Open the issue, or refresh the open one; its number. None: nothing has drifted, and no issue is open."""
    page = run_url()
    text = drift.render(found) + (f"\n<sub>[run]({page})</sub>\n" if page else "")
    title = f"{found.model_name}: the data has moved away from {found.release}"
    for issue in github.pages("/issues", state="open", labels=LABEL):
        if "pull_request" not in issue and (issue["body"] or "").startswith(drift.MARKER):
            # Where nothing could be compared, what was found before still stands.
            if found.not_compared is None:
                named = {"title": title} if found.drifted else {}
                github.send("PATCH", f"/issues/{issue['number']}", {"body": text, **named})
            return issue["number"]
    if not found.drifted:
        return None
    return github.send("POST", "/issues", {"title": title, "body": text, "labels": [LABEL]})["number"]
