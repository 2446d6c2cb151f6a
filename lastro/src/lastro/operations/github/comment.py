"""One comment per pull request and marker: refreshed, never repeated."""

from __future__ import annotations

from lastro.operations.github.client import GitHub


def post(github: GitHub, number: int, marker: str, text: str) -> bool:
    """Put `text`, which begins with the marker, into the comment that has it already, or into a new one.

    Only a comment of a bot is refreshed: anybody can write the marker. Returns whether a comment was there.
    """
    for comment in github.pages(f"/issues/{number}/comments"):
        if (comment["user"] or {}).get("type") == "Bot" and comment["body"].startswith(marker):
            if comment["body"] != text:
                github.send("PATCH", f"/issues/comments/{comment['id']}", {"body": text})
            return True
    github.send("POST", f"/issues/{number}/comments", {"body": text})
    return False
