"""GitHub's REST API (docs.github.com/rest), as far as it is used here, with one line for each way to fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from lastro.core.errors import ExternalError, LastroError

VERSION = "2022-11-28"
SECONDS = 20
MOST_PAGES = 30
"""Of 100 entries each: a repository with more open pull requests is not read to the end."""


class AnswerError(ExternalError):
    """GitHub has answered no. status: its HTTP status."""

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
        # A GET may be asked again; a POST that got lost may have been carried out.
        retry = Retry(3, backoff_factor=0.5, status_forcelist=(502, 503, 504), raise_on_status=False)
        self.session.mount(self.api, HTTPAdapter(max_retries=retry))
        self.session.headers.update(
            {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "X-GitHub-Api-Version": VERSION,
            }
        )

    @property
    def owner(self) -> str:
        """Who the repository belongs to."""
        return self.name.partition("/")[0]

    def call(
        self, method: str, path: str, content: Any = None, missing_ok: bool = False, **query: Any
    ) -> requests.Response | None:
        """Ask for `path` below the repository, or for a whole address. missing_ok: None where there is no such thing.

        Raises:
            ExternalError: GitHub cannot be reached.
            AnswerError: it says no.
        """
        url = path if path.startswith("http") else f"{self.api}/repos/{self.name}{path}"
        what = f"GitHub: {method} {path.removeprefix(self.api)}"
        try:
            answer = self.session.request(
                method,
                url,
                json=content,
                params=query or None,
                timeout=SECONDS,
                allow_redirects=method == "GET",
            )
        except requests.RequestException as error:
            raise ExternalError(type(error).__name__, where=what, fix="run the job again") from None
        if answer.status_code == 404 and missing_ok:
            return None
        # What GitHub calls a success is below 300; only a GET is led on to another address.
        if answer.status_code >= 300:
            raise AnswerError(f"{answer.status_code} {_said(answer)}", answer.status_code, where=what)
        return answer

    def get(self, path: str, missing_ok: bool = False, **query: Any) -> Any:
        """The JSON at `path`; None where there is nothing and that is no error. Raises: see `call`."""
        answer = self.call("GET", path, None, missing_ok, **query)
        return None if answer is None else answer.json()

    def send(self, method: str, path: str, content: Any) -> Any:
        """Send JSON; the answer's JSON, None where it has none. Raises: see `call`."""
        answer = self.call(method, path, content)
        assert answer is not None
        return answer.json() if answer.content else None

    def upload(self, url: str, content: bytes, kind: str) -> None:
        """Send bytes, to the address that GitHub named for them.

        Raises:
            ExternalError: GitHub says no.
        """
        what = f"GitHub: POST {url.partition('?')[0]}"
        try:
            answer = self.session.post(
                url, data=content, headers={"Content-Type": kind}, timeout=10 * SECONDS
            )
        except requests.RequestException as error:
            raise ExternalError(type(error).__name__, where=what, fix="run the job again") from None
        if answer.status_code >= 300:
            raise AnswerError(f"{answer.status_code} {_said(answer)}", answer.status_code, where=what)

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """Every entry of a list, page by page. Raises: see `call`."""
        following, query = path, {**query, "per_page": 100}
        for _ in range(MOST_PAGES):
            answer = self.call("GET", following, **query)
            assert answer is not None
            yield from answer.json()
            link = answer.links.get("next")
            if link is None:
                return
            following, query = link["url"], {}


def _said(answer: requests.Response) -> str:
    try:
        said = answer.json().get("message", "")
    except (ValueError, AttributeError):
        said = ""
    status, words = answer.status_code, str(said).lower()
    fix = {
        401: "the token is not accepted",
        403: "the token may not do that: see permissions of the job in docs/workflows.md",
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
    return " ".join(": ".join(filter(None, [str(said)[:200], fix])).split()) or "no reason given"


def from_environment() -> GitHub:
    """The repository of the job, or the one that GITHUB_REPOSITORY names at home.

    Raises:
        LastroError: a variable is not set.
    """
    name, token = os.environ.get("GITHUB_REPOSITORY", ""), os.environ.get("GITHUB_TOKEN", "")
    if name.count("/") != 1:
        raise LastroError(
            "is not set", where="GITHUB_REPOSITORY", fix="export GITHUB_REPOSITORY=owner/repository"
        )
    if not token:
        raise LastroError(
            "is not set",
            where="GITHUB_TOKEN",
            fix=(
                "in a workflow env: GITHUB_TOKEN: ${{ github.token }}, at home export GITHUB_TOKEN=$(gh auth "
                "token)"
            ),
        )
    return GitHub(os.environ.get("GITHUB_API_URL", "https://api.github.com"), name, token)
