"""One repository: its Git part and what GitHub keeps beside it. Changes through here leave events behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.github.server import payloads
from tests.github.server.git import ZERO, Bare
from tests.github.server.pulls import Issue, Pull
from tests.github.server.tokens import BOT, DEPENDABOT, Token, role_permissions

if TYPE_CHECKING:
    from tests.github.server import GitHub


@dataclass
class Event:
    """What starts workflows: name, payload, and the ref and commit that GITHUB_REF and GITHUB_SHA would show."""

    name: str
    payload: dict[str, Any]
    ref: str
    sha: str
    actor: str
    fork: bool = False  # a pull request of a fork or of Dependabot: read-only token, no secrets


@dataclass
class Repository:
    github: GitHub
    owner: str
    name: str
    git: Bare
    fork_of: str | None = None
    private: bool = True
    default_branch: str = "main"
    roles: dict[str, str] = field(default_factory=dict)  # person -> admin, write, read
    immutable_releases: bool = False
    reviewers_allowed: bool = True  # a private repository has none without GitHub Enterprise
    actions_may_open_pulls: bool = False  # Settings > Actions > General, off in a new repository
    events: list[Event] = field(default_factory=list)
    issues: dict[int, Issue | Pull] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)  # the newest is last
    check_runs: list[dict[str, Any]] = field(default_factory=list)
    releases: dict[int, dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    deployments: dict[int, dict[str, Any]] = field(default_factory=dict)
    rulesets: dict[int, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    dispatched: list[dict[str, Any]] = field(default_factory=list)
    _numbers: count = field(default_factory=lambda: count(1))
    _known: dict[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def url(self) -> str:
        """What `git clone` takes, and below it the web pages."""
        return f"{self.github.url}/{self.full_name}"

    @property
    def api(self) -> str:
        return f"{self.github.api_url}/repos/{self.full_name}"

    @property
    def id(self) -> int:
        return list(self.github.repositories).index(self.full_name) + 1

    def permissions(self, token: Token) -> dict[str, str]:
        """What a token may do here."""
        if token.is_job:
            return token.permissions if token.repository == self.full_name else {}
        role = "admin" if token.actor == self.owner else self.roles.get(token.actor)
        return role_permissions(role) if role else ({} if self.private else role_permissions("read"))

    @property
    def pulls(self) -> list[Pull]:
        return [issue for issue in self.issues.values() if isinstance(issue, Pull)]

    def pull(self, number: int) -> Pull:
        """A pull request as Git has it now. Raises KeyError."""
        self.sync()
        found = self.issues[number]
        if not isinstance(found, Pull):
            raise KeyError(number)
        return found

    # What people do on the web pages.

    def commit(
        self,
        branch: str,
        files: Mapping[str, str | bytes | None],
        message: str = "Edit",
        by: str = "ada",
        start: str = "",
    ) -> str:
        """Commit files (None deletes) to a branch, as the web editor does; a new branch begins at `start`."""
        parent = self.git.sha(f"refs/heads/{branch}") or (self.git.sha(start or self.default_branch))
        tree = self.git.tree_with(parent, files)
        sha = self.git.commit([parent] if parent else [], tree, message, by)
        self.moved({f"refs/heads/{branch}": sha}, by)
        return sha

    def load(self, folder: Path, message: str = "First", by: str = "ada") -> str:
        """The default branch becomes one commit of a checkout; then `commit` replaces what a test has no use for."""
        sha = self.git.commit([], self.git.tree_of(folder), message, by)
        self.moved({f"refs/heads/{self.default_branch}": sha}, by)
        return sha

    def tag(self, name: str, revision: str = "", by: str = "ada", message: str = "") -> str:
        """Tag a commit, as `git push origin NAME` does; with a message, an annotated tag."""
        sha = self.git.sha(revision or self.default_branch)
        if message:
            self.git.run("tag", "-a", "-m", message, "--", name, sha or "", author=by)
        self.moved({f"refs/tags/{name}": sha}, by, written=bool(message))
        return sha or ""

    def delete(self, ref: str, by: str = "ada") -> None:
        """Delete a branch or tag by its full ref."""
        self.moved({ref: None}, by)

    def open_pull(
        self, head: str, title: str = "A change", body: str = "", by: str = "ada", base: str = ""
    ) -> Pull:
        """Open a pull request; head is a branch, or OWNER:BRANCH of a fork."""
        owner, _, branch = head.rpartition(":")
        source = self if owner in ("", self.owner) else self.github.repositories[f"{owner}/{self.name}"]
        pull = Pull(self, next(self._numbers), title, body, by, head_repository=source, branch=branch)
        pull.base = base or self.default_branch
        self.issues[pull.number] = pull
        pull.refresh()
        self.pull_event("opened", pull, by)
        return pull

    def open_issue(self, title: str, body: str = "", by: str = "ada", labels: tuple[str, ...] = ()) -> Issue:
        issue = Issue(self, next(self._numbers), title, body, by, labels=list(labels))
        self.issues[issue.number] = issue
        return issue

    def merge(self, number: int, by: str = "ada", method: str = "merge") -> str:
        """Merge a pull request: merge, squash or rebase of one commit. Raises ValueError where it conflicts."""
        pull = self.pull(number)
        base = self.git.sha(f"refs/heads/{pull.base}") or ""
        tree = self.git.merge_tree(base, pull.head)
        if tree is None or not pull.open:
            raise ValueError(f"pull request {number} cannot be merged")
        title = f"{pull.title} (#{number})" if method == "squash" else f"Merge pull request #{number}"
        parents = [base, pull.head] if method == "merge" else [base]
        sha = self.git.commit(parents, tree, f"{title}\n\n{pull.title}", by)
        pull.close(merged=sha, by=by)
        self.moved({f"refs/heads/{pull.base}": sha}, by)
        self.pull_event("closed", pull, by)
        return sha

    def enqueue(self, number: int, by: str = "ada") -> str:
        """Put a pull request into the merge queue: a merge_group event on a branch of its own. Gives the branch."""
        pull = self.pull(number)
        base = self.git.sha(f"refs/heads/{pull.base}") or ""
        tree = self.git.merge_tree(base, pull.head)
        if tree is None:
            raise ValueError(f"pull request {number} conflicts")
        branch = f"gh-readonly-queue/{pull.base}/pr-{number}-{base}"
        sha = self.git.commit([base, pull.head], tree, f"Merge pull request #{number}\n\n{pull.title}", BOT)
        self.git.update(f"refs/heads/{branch}", sha)
        self._known = self.git.refs()
        payload = payloads.merge_group(self, branch, sha, pull.base, base, by)
        self.events.append(Event("merge_group", payload, f"refs/heads/{branch}", sha, by))
        return branch

    def leave_queue(self, branch: str, merged: bool, by: str = "ada") -> None:
        """The end of a merge group: the base takes its commit, or nothing happens; the branch goes."""
        sha, base = self.git.sha(f"refs/heads/{branch}") or "", branch.split("/")[1]
        number = int(branch.split("/pr-")[1].split("-")[0])
        self.git.update(f"refs/heads/{branch}", None)
        self._known = self.git.refs()
        if merged:
            self.pull(number).close(merged=sha, by=by)
            self.moved({f"refs/heads/{base}": sha}, by)

    def dispatch(
        self, workflow: str, inputs: dict[str, str] | None = None, ref: str = "", by: str = "ada"
    ) -> None:
        """Run a workflow by hand; workflow is its file's name."""
        branch = ref or self.default_branch
        full = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
        payload = payloads.dispatch(self, workflow, inputs or {}, full, by)
        self.events.append(Event("workflow_dispatch", payload, full, self.git.sha(full) or "", by))

    def schedule(self, cron: str, by: str = "ada") -> None:
        """The clock has reached a workflow's cron line."""
        ref = f"refs/heads/{self.default_branch}"
        payload = payloads.schedule(self, cron, by)
        self.events.append(Event("schedule", payload, ref, self.git.sha(ref) or "", by))

    # What follows from changes in Git.

    def moved(self, refs: Mapping[str, str | None], by: str, *, written: bool = False) -> None:
        """Refs get new values: written to Git unless a push has done that, and told to workflows."""
        before = dict(self._known)
        if not written:
            for ref, sha in refs.items():
                self.git.update(ref, sha)
        self._known = self.git.refs()
        if by != BOT:
            for ref, sha in refs.items():
                payload = payloads.push(self, ref, before.get(ref, ZERO), sha or ZERO, by)
                self.events.append(Event("push", payload, ref, sha or ZERO, by, by == DEPENDABOT))
        self.github.sync(by)

    def sync(self, by: str = "") -> None:
        """Pull requests follow their branches, also after a push that bypassed the server."""
        current = self.git.refs()
        changed = {
            r: current.get(r) for r in {*current, *self._known} if current.get(r) != self._known.get(r)
        }
        changed = {r: sha for r, sha in changed.items() if not r.startswith("refs/pull/")}
        if changed and by == "":
            self.moved(changed, "ada", written=True)
            return
        for pull in self.pulls:
            if pull.open and pull.refresh() and by != BOT:
                self.pull_event("closed" if pull.merged else "synchronize", pull, by or pull.author)
        self._known = self.git.refs()

    def pull_event(self, action: str, pull: Pull, by: str) -> None:
        """A pull_request event. GitHub starts no run of it while the branch conflicts, nor for its own token's work."""
        merge = self.git.sha(f"refs/pull/{pull.number}/merge")
        if by == BOT or (merge is None and action != "closed"):
            return
        fork = pull.head_repository is not self or by == DEPENDABOT
        ref = f"refs/heads/{pull.base}" if pull.merged else f"refs/pull/{pull.number}/merge"
        payload = payloads.pull_request(self, action, pull, by)
        self.events.append(Event("pull_request", payload, ref, (pull.merged or merge or pull.head), by, fork))

    def folder(self, *names: str) -> Path:
        """A folder of the server's beside the Git repository, for artifacts and assets."""
        folder = self.git.folder.with_suffix(".files").joinpath(*names)
        folder.mkdir(parents=True, exist_ok=True)
        return folder
