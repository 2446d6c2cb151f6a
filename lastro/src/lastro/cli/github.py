"""`lastro github`: what the workflows do on GitHub. Each option can be given by a variable, which a workflow sets by env."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lastro.cli.common import cli
from lastro.core.errors import ExternalError, LastroError
from lastro.core.markdown import code
from lastro.core.paths import find_root
from lastro.operations.github import job
from lastro.operations.lineage import git

if TYPE_CHECKING:
    from lastro.operations.github.client import GitHub
    from lastro.operations.github.pulls import Proposal

BRANCH = click.option("--branch", required=True, envvar="LASTRO_BRANCH", help="The default branch.")
BASE = click.option("--base", required=True, envvar="LASTRO_BASE", help="The default branch.")
HEAD = click.option(
    "--head", required=True, envvar="LASTRO_HEAD", help="The commit that the pipeline ran for."
)


def from_folder(**options: Any) -> Callable:
    """Make the option --from: the folder that another job's artifact was put into."""
    kind = click.Path(exists=True, file_okay=False, path_type=Path)
    return click.option("--from", "folder", type=kind, **options)


def connect() -> GitHub:
    """Connect to the repository of the job."""
    from lastro.operations.github.client import from_environment

    return from_environment()


@cli.group("github")
def github() -> None:
    """Write comments, statuses and releases on GitHub; GITHUB_REPOSITORY and GITHUB_TOKEN say where and as whom."""


@github.command("publish")
@click.option(
    "--branch", required=True, envvar="LASTRO_BRANCH", help="The pull request's branch, in this repository."
)
@HEAD
@click.option("--base", envvar="LASTRO_BASE", help="The commit that was merged into it first, if one was.")
@click.option("--default-branch", envvar="DEFAULT_BRANCH", help="The branch that is never committed to.")
@from_folder(default=Path("."), help="Where report.json and dvc.lock lie.")
def publish(branch: str, head: str, base: str | None, default_branch: str | None, folder: Path) -> None:
    """Commit dvc.lock to the branch where it is outdated, and post the report on its pull request."""
    from lastro.operations.github import publish as publication

    if branch == default_branch:
        fix = "run this on the branch of a pull request"
        raise LastroError("is the default branch", where=branch, fix=fix)
    commit = publication.publish(connect(), find_root(), folder, branch, head, base or None)
    job.output(commit=commit or "")
    if commit:
        made = "" if commit == head else ", which was committed for it"
        click.echo(f"dvc.lock is up to date at {commit}{made}")


@github.command("comment")
@click.option(
    "--run", type=int, required=True, envvar="LASTRO_RUN", help="The workflow run whose report is posted."
)
@HEAD
def comment(run: int, head: str) -> None:
    """Post the report of a run that had no rights: a fork's, or Dependabot's."""
    from lastro.operations.github.publish import comment_for_outsider, fetch_report

    github = connect()
    report = fetch_report(github, run)
    if report is None:
        click.echo(f"notice: run {run} has no artifact report: its pipeline did not come so far")
        return
    number = comment_for_outsider(github, report, head)
    click.echo(f"posted on {number} pull request{'' if number == 1 else 's'}")


@github.command("ready")
@click.option("--needs", required=True, envvar="LASTRO_NEEDS", help="GitHub's toJSON(needs).")
@click.option("--commit", envvar="LASTRO_COMMIT", help="Put the status on this commit, too.")
def ready(needs: str, commit: str | None) -> None:
    """Say whether a pull request may be merged: pipeline, verdict, dvc.lock and tests; exit 1 where not."""
    from lastro.operations.github.publish import report_readiness

    report_readiness(connect() if commit else None, needs, commit or None)
    click.echo("ready to merge")


@github.command("refresh-pulls")
@BRANCH
@click.option(
    "--once", is_flag=True, envvar="LASTRO_ONCE", help="Skip what was started at its present commit before."
)
def refresh_pulls(branch: str, once: bool) -> None:
    """Bring the open pull requests up to date whose only conflict with the branch is dvc.lock."""
    from lastro.operations.github.pulls import refresh

    lines, refused = [], []
    for found in refresh(connect(), find_root(), branch, once):
        number = f"#{found.pull.number}"
        click.echo(f"{number}: {found.what}")
        lines.append(f"- {number}: {code(found.what)}")
        refused += [number] if found.refused else []
    if lines:
        job.summary("\n".join(["### Open pull requests\n", *lines]))
    if refused:
        raise ExternalError("GitHub refused, see above", where=", ".join(refused), fix="run the job again")


@github.command("source")
@click.option("--commit", required=True, envvar="LASTRO_COMMIT", help="A commit of the default branch.")
def source(commit: str) -> None:
    """Find the merged pull request that brought a commit."""
    found = [p for p in connect().get(f"/commits/{commit}/pulls") if p.get("merged_at")]
    number = str(found[0]["number"]) if found else ""
    job.output(pull=number)
    click.echo(f"pull request #{number}" if number else "no pull request: pushed directly")


@github.command("release")
@click.argument("tag")
@from_folder(default=Path("dist"), show_default=True, help="Where notes.md and the files to attach lie.")
def release(tag: str, folder: Path) -> None:
    """Publish the release of TAG with its notes and files, or refresh it."""
    from lastro.operations.github import release as releases
    from lastro.operations.release.tags import ReleaseTag

    click.echo(f"released: {releases.publish(connect(), ReleaseTag.parse(tag), folder)}")


@github.command("rolled-back")
@click.option("--source", required=True, envvar="LASTRO_SOURCE", help="The release that production left.")
@click.option("--target", required=True, envvar="LASTRO_TARGET", help="The release that it returned to.")
@click.option("--number", required=True, envvar="LASTRO_NUMBER", help="The entry of lastro history.")
@click.option("--reason", required=True, envvar="LASTRO_REASON", help="Why.")
def rolled_back(source: str, target: str, number: str, reason: str) -> None:
    """Write a rollback into the text of both releases."""
    from lastro.operations.github import release as releases
    from lastro.operations.release.tags import ReleaseTag

    github = connect()
    left, again = releases.rolled_back(git.who(find_root()), reason, source, target)
    for tag, text in ((source, left), (target, again)):
        done = releases.note(github, str(ReleaseTag.parse(tag)), number, text)
        click.echo(f"{tag}: {'noted' if done else 'has no release on GitHub'}")


@github.command("drift")
@click.argument("findings", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def drift(findings: Path) -> None:
    """Open or refresh the one issue about drift. FINDINGS is what `lastro drift --json` wrote."""
    from lastro.operations.github.pulls import drift_issue
    from lastro.operations.report.content import read_as
    from lastro.operations.report.drift import Drift

    number = drift_issue(connect(), read_as(Drift, findings, "lastro drift"))
    click.echo(f"issue #{number}" if number else "nothing has drifted, and no issue is open")


@github.command("retrain")
@BASE
@from_folder(
    required=True, help="Where dvc.lock lies, and below data/ the files by which DVC tracks the source."
)
def retrain(base: str, folder: Path) -> None:
    """Open or refresh the pull request that retrains on the newest data."""
    from lastro.operations.github.pulls import RETRAIN

    found = [folder / "dvc.lock", *sorted(folder.glob("data/**/*.dvc"))]
    _propose(RETRAIN, base, {path.relative_to(folder).as_posix(): path for path in found if path.is_file()})


@github.command("propose-locks")
@BASE
@from_folder(required=True, help="Where the locks lie.")
def propose_locks(base: str, folder: Path) -> None:
    """Open or refresh the pull request with newer locks, and with what `make update` left in the working tree."""
    from lastro.operations.github.pulls import with_update

    locks = {f"requirements/{path.name}": path for path in sorted(folder.glob("*.lock"))}
    proposal, changed = with_update(find_root())
    _propose(proposal, base, locks, changed)


def _propose(
    proposal: Proposal, base: str, files: dict[str, Path], changed: dict[str, bytes | None] | None = None
) -> None:
    from lastro.operations.github import client
    from lastro.operations.github.pulls import propose

    root = find_root()
    prefix = git.prefix(root)
    contents = (changed or {}) | {f"{prefix}{name}": path.read_bytes() for name, path in files.items()}
    try:
        number = propose(connect(), root, proposal, base, contents)
    except client.AnswerError as error:
        if error.status != 403:
            raise
        # A repository where nothing is set up lets no workflow open pull requests: that is no failure of the job.
        notice = f"the branch {proposal.branch} is there, its pull request is not: {error}"
        click.echo(f"notice: {notice}")
        job.summary(f"### {proposal.title}\n\n{code(notice, 1000)}")
        return
    click.echo(f"pull request #{number}" if number else "there is nothing new to propose")


@github.command("setup")
@click.option("--apply", "applied", is_flag=True, help="Apply them, with GITHUB_TOKEN or with gh's login.")
def setup(applied: bool) -> None:
    """List every setting that the workflows count on, the variables and secrets that may be set, and how."""
    from lastro.operations.github.client import from_login
    from lastro.operations.github.settings import SECRETS, VARIABLES, settings

    root = find_root()
    github = from_login(root) if applied else None
    refused = 0
    for setting in settings(root):
        done = "set"
        if github is not None:
            try:
                setting.apply(github)
                done = "applied"
            except ExternalError as error:
                # Some plans lack some of them; the others are wanted all the same.
                refused, done = refused + 1, f"refused ({error})"
        click.echo(f"{done}: {setting.what}\n         ({setting.why})")
    for kind, known in (("variable", VARIABLES), ("secret", SECRETS)):
        for name, what in known.items():
            value = ' --body "…"' if kind == "variable" else ""
            click.echo(f"{kind}, optional: {name}: {what}\n         gh {kind} set {name}{value}")
    if not applied:
        how = "make github-setup ARGS=--apply sets what is above, but for variables and secrets"
        click.echo(f"nothing was changed; {how}")
    if refused:
        raise ExternalError(f"{refused} of the settings were refused, see above", fix="fix them, then again")
