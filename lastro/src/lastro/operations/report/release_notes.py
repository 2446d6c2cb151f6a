"""The text of a release: what it is, how to pull and call it, how good it is, and where it comes from. Markdown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lastro.core.markdown import code

MOST = 100_000
"""GitHub takes 125,000 characters."""


@dataclass(frozen=True)
class Notes:
    """What is known of a release.

    Attributes:
        image: registry/owner/name@sha256:…; empty where no image was published.
        example: a body for /invocations, from the model's signature.
        trace: the chain as `lastro trace` prints it.
    """

    release: str
    name: str
    version: int
    commit: str
    model: str
    image: str
    example: dict[str, Any]
    card: str
    trace: str
    why: str


def render(notes: Notes) -> str:
    """Markdown."""
    parts = [
        f"{code(notes.name)} version {notes.version}, model {code(notes.model)}, commit {notes.commit}.",
        f"**Why:** {code(notes.why)}" if notes.why else "",
        _pull(notes) if notes.image else "",
        f"## Where it comes from\n\n{_fence(notes.trace)}",
        _demoted(notes.card),
    ]
    text = "\n\n".join(part for part in parts if part)
    if len(text) > MOST:
        text = text[:MOST].rpartition("\n")[0] + "\n\nThe rest is in the attached model card.\n"
    return text + "\n"


def _pull(notes: Notes) -> str:
    body = json.dumps(notes.example, ensure_ascii=True)
    call = "curl -H 'Content-Type: application/json' --data @request.json http://127.0.0.1:8080/invocations"
    return (
        "## Pull and call\n\n```sh\n"
        f"docker run --rm --publish 127.0.0.1:8080:8080 --read-only --cap-drop ALL {notes.image}\n{call}\n```\n\n"
        f"with a `request.json` such as\n\n{_fence(body)}"
    )


def _fence(text: str) -> str:
    # Longer than any fence in the text, which may come from a person.
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}text\n{text}\n{ticks}"


def _demoted(card: str) -> str:
    """Its headings one step lower: the release has a title of its own."""
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in card.strip().splitlines())
