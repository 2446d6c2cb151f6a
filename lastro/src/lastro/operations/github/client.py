"""GitHub's REST API (docs.github.com/rest), as far as it is used here, with one line for each way to fail."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from lastro.core.errors import ExternalError, LastroError
from lastro.core.paths import page
from lastro.operations.lineage import git

VERSION = "2022-11-28"
SECONDS = 20
MAXIMUM_PAGES = 30
"""Of 100 entries each: a repository with more open pull requests is not read to the end."""
_ADDRESS = re.compile(r"(?:github\.com[:/])([^/\s]+/[^/\s]+?)(?:\.git)?/?$")


class AnswerError(ExternalError):
    """GitHub refused. status: its HTTP status."""

    def __init__(self, problem: str, status: int, *, where: str) -> None:
        super().__init__(problem, where=where)
        self.status = status


@dataclass(frozen=True)
class GitHub:
    """One repository, asked with one token. name: owner/repository."""

    api: str
    name: str
    token: str
    session: requests.Session = field(default_factory=requests.Session, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A GET may be sent again; a POST that got lost may have been carried out.
        retry = Retry(3, backoff_factor=0.5, status_forcelist=(502, 503, 504), raise_on_status=False)
        self.session.mount(self.api, HTTPAdapter(max_retries=retry))
        self.session.headers["Accept"] = "application/vnd.github+json"
        self.session.headers["Authorization"] = f"Bearer {self.token}"
        self.session.headers["X-GitHub-Api-Version"] = VERSION

    @property
    def owner(self) -> str:
        """The account that the repository belongs to."""
        return self.name.partition("/")[0]

    def call(self, method: str, path: str, seconds: float = SECONDS, **options: Any) -> requests.Response:
        """Send a request for `path` below the repository, or for a whole address. options: see `requests.request`."""
        url = path if path.startswith("http") else f"{self.api}/repos/{self.name}{path}"
        where = f"GitHub: {method} {path.removeprefix(self.api).partition('?')[0]}"
        try:
            led_on = method == "GET"
            answer = self.session.request(method, url, timeout=seconds, allow_redirects=led_on, **options)
        except requests.RequestException as error:
            raise ExternalError(type(error).__name__, where=where, fix="run the job again") from None
        # What GitHub calls a success is below 300; only a GET is led on to another address.
        if answer.status_code >= 300:
            raise AnswerError(f"{answer.status_code} {_reason(answer)}", answer.status_code, where=where)
        return answer

    def get(self, path: str, missing_ok: bool = False, **query: Any) -> Any:
        """Get the JSON at `path`. missing_ok: None where there is nothing."""
        try:
            return self.call("GET", path, params=query).json()
        except AnswerError as error:
            if missing_ok and error.status == 404:
                return None
            raise

    def send(self, method: str, path: str, content: Any) -> Any:
        """Send JSON; return the answer's JSON, None where it has none."""
        answer = self.call(method, path, json=content)
        return answer.json() if answer.content else None

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """Yield every entry of a list, page by page."""
        following, query = path, {**query, "per_page": 100}
        for _ in range(MAXIMUM_PAGES):
            answer = self.call("GET", following, params=query)
            yield from answer.json()
            link = answer.links.get("next")
            if link is None:
                return
            following, query = link["url"], {}


def _reason(answer: requests.Response) -> str:
    try:
        said = str(answer.json().get("message", ""))
    except (ValueError, AttributeError):
        said = ""
    status, words = answer.status_code, said.lower()
    fix = {
        401: "the token is not accepted",
        403: f"the token may not do that: see permissions of the job in {page('workflows.md')}",
        404: "there is no such thing, or the token may not see it",
        429: "wait, then run the job again",
    }.get(status, "")
    if status == 403 and ("retry-after" in answer.headers or "rate limit" in words):
        fix = "wait, then run the job again"
    elif status == 403 and "not permitted to create" in words:
        fix = "make github-setup ARGS=--apply lets workflows open pull requests"
    elif status == 403 and "upgrade to" in words:
        fix = "GitHub's plan of this account has it for public repositories only"
    elif 300 <= status < 400:
        fix = "the repository has another name now: git remote set-url origin, then again"
    return " ".join(": ".join(filter(None, [said[:200], fix])).split()) or "no reason given"


def from_environment() -> GitHub:
    """Return the repository of the job, or the one that GITHUB_REPOSITORY names at home."""
    name, token = os.environ.get("GITHUB_REPOSITORY", ""), os.environ.get("GITHUB_TOKEN", "")
    if name.count("/") != 1:
        fix = "export GITHUB_REPOSITORY=owner/repository"
        raise LastroError("is not set", where="GITHUB_REPOSITORY", fix=fix)
    if not token:
        fix = "in a workflow env: GITHUB_TOKEN: ${{ github.token }}, at home export GITHUB_TOKEN=$(gh auth token)"
        raise LastroError("is not set", where="GITHUB_TOKEN", fix=fix)
    return GitHub(os.environ.get("GITHUB_API_URL", "https://api.github.com"), name, token)


def from_login(root: Path) -> GitHub:
    """Return the repository that origin names, with GITHUB_TOKEN or a person's own login: for what no workflow may do."""
    if not os.environ.get("GITHUB_TOKEN"):
        try:
            token = subprocess.check_output(
                ["gh", "auth", "token"], stderr=subprocess.DEVNULL, text=True
            ).strip()
        except (OSError, subprocess.CalledProcessError):
            token = ""
        if not token:
            fix = "gh auth login, or export GITHUB_TOKEN with the right of administration"
            raise LastroError("no login", where="GitHub", fix=fix)
        os.environ["GITHUB_TOKEN"] = token
    if not os.environ.get("GITHUB_REPOSITORY"):
        address = git.line(root, "remote", "get-url", "origin")
        found = _ADDRESS.search(address)
        if found is None:
            fix = "git remote add origin, or export GITHUB_REPOSITORY=owner/repository"
            raise LastroError(
                f"{address or 'is not set'}: is no repository on GitHub", where="origin", fix=fix
            )
        os.environ["GITHUB_REPOSITORY"] = found[1]
    return from_environment()
