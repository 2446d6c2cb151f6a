"""GitHub for tests: its REST API, Git over HTTP and what starts workflows, on loopback and in this process.

    github = GitHub(folder)
    model = github.repository("acme/model", roles={"ada": "write", "eve": "read"})
    model.commit("main", {"params.yaml": "..."}, "First", by="ada")     # the web editor
    fork = github.fork("acme/model", "eve")
    pull = model.open_pull("eve:branch", by="eve")                      # also refs/pull/N/head and /merge
    model.events                                                        # what would start workflows, in order
    token = github.job_token("acme/model", {"contents": "read"})        # a GITHUB_TOKEN: `permissions` of a job
    person = github.person_token("ada")                                 # counts by ada's role
    github.registry = "127.0.0.1:5000"       # the registry there is now at github.host, with `packages: read` or write
    ... requests to github.api_url (GITHUB_API_URL), git clone github.url + "/acme/model" ...
    assert github.violations == []                                      # what GitHub's description does not allow
    github.close()

Branches, tags, heads, merge commits and mergeability come from the bare repositories below `folder`. Each request and
each answer is checked against GitHub's published description; what breaks it is in `violations`. A token without the
permission that GitHub documents for an endpoint is answered 403. Where GitHub is more lenient than its documentation
this server is strict: all repositories are private, and a comment on a pull request needs `pull-requests: write`.
`close` fails nothing: a test asserts on `violations` itself.
"""

from __future__ import annotations

import shutil
import threading
from http.server import ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

from tests.github.openapi import description
from tests.github.server import routes as _routes  # noqa: F401  (fills the table)
from tests.github.server.git import Bare
from tests.github.server.repository import Event, Repository
from tests.github.server.tokens import BOT, Token, granted
from tests.github.server.web import API, Handler

__all__ = ["BOT", "Event", "GitHub", "Repository", "Token"]


class GitHub:
    """The server. `url` is GITHUB_SERVER_URL, `api_url` GITHUB_API_URL."""

    def __init__(self, folder: Path) -> None:
        description()  # skips where npm is missing
        self.folder = folder
        self.lock = threading.RLock()
        self.repositories: dict[str, Repository] = {}
        self.tokens: dict[str, Token] = {}
        self.violations: list[str] = []
        # The repositories that have another name now: the old one, and the new.
        self.renamed: dict[str, str] = {}
        self.requests: list[tuple[str, str, int, str]] = []  # method, path, status, who: in order
        self.ids = count(1)
        self.registry = (
            ""  # HOST:PORT of a container registry; it is then served here, behind the tokens' `packages`
        )
        self._links: dict[str, Path] = {}
        self._servers = [self._serve(storage) for storage in (False, True)]
        ports = [server.server_address[1] for server in self._servers]
        self.url, self.storage_url = (f"http://127.0.0.1:{port}" for port in ports)
        self.api_url, self.host = self.url + API, f"127.0.0.1:{ports[0]}"

    def _serve(self, storage: bool) -> ThreadingHTTPServer:
        handler = type("Of", (Handler,), {"github": self, "storage": storage})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server

    def repository(
        self, full_name: str, roles: dict[str, str] | None = None, private: bool = True
    ) -> Repository:
        """A new, empty repository; `roles` are its collaborators: admin, write or read."""
        owner, name = full_name.split("/")
        bare = Bare(self.folder / f"{owner}--{name}.git")
        found = Repository(self, owner, name, bare, roles=roles or {}, private=private)
        self.repositories[full_name] = found
        return found

    def fork(self, full_name: str, owner: str) -> Repository:
        """A fork with the default branch as it is now."""
        source = self.repositories[full_name]
        fork = self.repository(f"{owner}/{source.name}", private=source.private)
        fork.fork_of, fork.default_branch = full_name, source.default_branch
        sha = source.git.sha(source.default_branch) or ""
        fork.git.fetch(source.git, sha)
        fork.git.update(f"refs/heads/{source.default_branch}", sha)
        fork.sync(by=BOT)
        return fork

    def job_token(
        self,
        full_name: str,
        permissions: Any,
        *,
        fork: bool = False,
        run: int | None = None,
        actor: str = BOT,
    ) -> Token:
        """A GITHUB_TOKEN; permissions as in a workflow file. fork: of a fork's or Dependabot's pull request."""
        token = Token(actor, full_name, granted(permissions, fork), run=run)
        self.tokens[token.value] = token
        return token

    def person_token(self, login: str) -> Token:
        """A person's own token, good for what the person's role allows."""
        token = Token(login, "", {}, value=f"ghp_{login}_{next(self.ids)}")
        self.tokens[token.value] = token
        return token

    def sync(self, by: str = "") -> None:
        """Pull requests of all repositories follow their branches."""
        for repository in self.repositories.values():
            repository.sync(by or BOT)

    def sign(self, file: Path) -> str:
        """A link that gives a file without a token, as storage behind GitHub does."""
        path = f"/signed/{len(self._links)}/{file.name}"
        self._links[path] = file
        return self.storage_url + path

    def signed(self, path: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        """The answer of storage: it refuses a request that carries a token too, as the real one does."""
        if headers.get("Authorization"):
            return 400, {}, b"<Error><Code>InvalidAuthenticationInfo</Code></Error>"
        if path not in self._links:
            return 403, {}, b""
        return 200, {"Content-Type": "application/octet-stream"}, self._links[path].read_bytes()

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)
