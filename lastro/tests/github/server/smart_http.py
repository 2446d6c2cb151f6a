"""Git over HTTP: `git http-backend` behind the token check. A push leaves events behind like any other change."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from tests.github.server.tokens import Token, allows

if TYPE_CHECKING:
    from tests.github.server import GitHub


def token_of(github: GitHub, authorization: str) -> Token | None:
    """The token of a request; Basic for Git, Bearer or token for the API. Raises PermissionError if it is no good."""
    if not authorization:
        return None
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "basic":
        value = base64.b64decode(value).decode().partition(":")[2]
    found = github.tokens.get(value)
    if found is None or found.expired:
        raise PermissionError("Bad credentials")
    return found


def serve(
    github: GitHub, method: str, path: str, query: str, headers: Any, body: bytes
) -> tuple[int, dict, bytes]:
    """Answer a request below /OWNER/NAME(.git)/: status, headers, body."""
    owner, name, rest = path.lstrip("/").split("/", 2)
    repository = github.repositories.get(f"{owner}/{name.removesuffix('.git')}")
    push = "git-receive-pack" in rest or "service=git-receive-pack" in query
    ask = {"WWW-Authenticate": 'Basic realm="GitHub"'}
    try:
        token = token_of(github, headers.get("Authorization", ""))
    except PermissionError:
        return 401, ask, b"Bad credentials"
    if repository is None:
        return 404, {}, b"Repository not found."
    if token is None and (push or repository.private):
        return 401, ask, b"Authentication required"
    need = "contents:write" if push else "contents:read"
    if token and not allows(repository.permissions(token), need):
        who = f"{token.actor}"
        return 403, {}, f"remote: Permission to {repository.full_name}.git denied to {who}.".encode()
    env = dict(os.environ)
    env |= {
        "GIT_PROJECT_ROOT": str(repository.git.folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": "/" + rest,
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": headers.get("Git-Protocol", ""),
        "REMOTE_USER": token.actor if token else "",
        "GITHUB_PUSH_RULES": json.dumps(repository_rules(repository, token)),
    }
    with github.lock:
        if push:
            repository.sync()
        before = repository.git.refs()
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=env)
        after = repository.git.refs()
        changed = {ref: after.get(ref) for ref in {*before, *after} if before.get(ref) != after.get(ref)}
        if changed and token:
            repository.moved(changed, token.actor, written=True)
    head, _, answer = done.stdout.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    status = int(fields.pop("Status", "200").split()[0])
    return status, fields, answer


def repository_rules(repository: Any, token: Token | None) -> list[dict[str, Any]]:
    """The active rulesets that this pusher cannot bypass: nobody bypasses, but administrators where a ruleset says so."""
    admin = token is not None and allows(repository.permissions(token), "administration:write")
    return [
        ruleset
        for ruleset in repository.rulesets.values()
        if ruleset["enforcement"] == "active" and not (admin and ruleset.get("bypass_actors"))
    ]
