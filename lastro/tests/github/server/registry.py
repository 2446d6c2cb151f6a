"""A container registry as ghcr.io is one: any registry behind the tokens. Pulling takes `packages: read`, pushing write."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import TYPE_CHECKING

from tests.github.server.smart_http import token_of
from tests.github.server.tokens import Token, allows

if TYPE_CHECKING:
    from tests.github.server import GitHub
    from tests.github.server.web import Handler

BLOCK = 1 << 20
OWN = {"authorization", "connection", "transfer-encoding", "content-length"}


def may(github: GitHub, token: Token, need: str) -> bool:
    """A job's token by its permissions; a person's by the role in any repository."""
    if token.is_job:
        return allows(token.permissions, need)
    return any(allows(repository.permissions(token), need) for repository in github.repositories.values())


def forward(handler: Handler, github: GitHub) -> None:
    """Check the token, pass the request on, pass the answer back."""
    need = "packages:read" if handler.command in ("GET", "HEAD") else "packages:write"
    try:
        token = token_of(github, handler.headers.get("Authorization", ""))
    except PermissionError:
        token = None
    if token is None or not may(github, token, need):
        status = 401 if token is None else 403
        headers = {"Content-Type": "application/json", "WWW-Authenticate": 'Basic realm="registry"'}
        handler.close_connection = True
        handler.reply(
            status,
            headers,
            b'{"errors":[{"code":"DENIED","message":"permission_denied: %s"}]}' % need.encode(),
        )
        return
    upstream = HTTPConnection(github.registry)
    upstream.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
    for name, value in handler.headers.items():
        if name.lower() not in OWN:
            upstream.putheader(name, value)
    length = handler.headers.get("Content-Length")
    upstream.putheader(*("Content-Length", length) if length else ("Transfer-Encoding", "chunked"))
    upstream.endheaders(_blocks(handler, length), encode_chunked=length is None)
    answer = upstream.getresponse()
    fields = {name: value for name, value in answer.getheaders() if name.lower() not in OWN}
    if handler.command == "HEAD":
        fields["Content-Length"] = answer.getheader("Content-Length", "0")
        handler.reply(answer.status, fields, None)
    else:
        handler.reply(answer.status, fields, answer.read())
    upstream.close()


def _blocks(handler: Handler, length: str | None):
    """The body in blocks, so that a layer does not stand in memory."""
    if length is None:
        if "chunked" in handler.headers.get("Transfer-Encoding", ""):
            yield from handler.chunks()
        return
    left = int(length)
    while left:
        block = handler.rfile.read(min(left, BLOCK))
        left -= len(block)
        yield block
