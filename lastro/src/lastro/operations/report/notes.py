"""Write the files of a release from the registry and from what its commit recorded: notes, model card, trace."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lastro.core.errors import LastroError
from lastro.core.files import write_json, write_whole
from lastro.core.markdown import code
from lastro.operations.image.publication import address
from lastro.operations.image.subject import find_subject
from lastro.operations.registry import history
from lastro.operations.registry.artifact import fetch_folder
from lastro.operations.registry.client import Registry
from lastro.operations.registry.register import complete_run
from lastro.operations.registry.restore import evaluation_file
from lastro.operations.release.tags import ReleaseTag
from lastro.operations.release.trace import follow
from lastro.operations.release.trace_find import find_start

MAXIMUM_LENGTH = 100_000
"""GitHub takes 125,000 characters."""


@dataclass(frozen=True)
class Notes:
    """What the notes say of a release.

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


def write_notes(registry: Registry, root: Path, tag: ReleaseTag, repository: str, folder: Path) -> None:
    """Write notes.md, model_card.md, metrics.json and trace.json into `folder`.

    Raises:
        LastroError: the tag was not promoted, its chain is broken, or its commit's evaluation cannot be restored.
    """
    subject = find_subject(registry, root, str(tag))
    entry = history.last_of(history.read_entries(registry.snapshot()), str(tag))
    if entry is None:
        raise LastroError("was not promoted", where=tag, fix=f"lastro promote {tag}")
    # The trace tells the run's verdict and metrics, which are another commit's where that was evaluated since.
    complete_run(registry, root, subject.lineage)
    chain = follow(registry, root, find_start(registry, root, str(tag)))
    with tempfile.TemporaryDirectory(prefix="lastro-notes-") as name:
        place = Path(name)
        card, metrics = (
            evaluation_file(root, subject.lineage, subject.run, name, place).read_bytes()
            for name in ("model_card.md", "evaluation.json")
        )
        model = fetch_folder(subject.run, subject.lineage.model, place / "model")
        example = json.loads((model / "input_example.json").read_bytes())
    notes = Notes(
        release=str(tag),
        name=subject.name,
        version=subject.version.number,
        commit=subject.lineage.commit or "",
        model=subject.lineage.model,
        image=f"{address(repository)}@{entry.image}" if entry.image else "",
        example=_request(example),
        card=card.decode(),
        trace=chain.to_text(),
        why=entry.why,
    )
    write_whole(folder / "notes.md", render(notes))
    write_whole(folder / "model_card.md", card)
    write_whole(folder / "metrics.json", metrics)
    write_json(folder / "trace.json", chain.to_json())


def _request(example: object) -> dict[str, object]:
    """Make the body of a request of the example, which MLflow keeps as one or as a table alone."""
    if isinstance(example, dict) and ("dataframe_split" in example or "inputs" in example):
        return example
    return {"dataframe_split": example}


def render(notes: Notes) -> str:
    """Render the notes as Markdown."""
    parts = [
        f"{code(notes.name)} version {notes.version}, model {code(notes.model)}, commit {notes.commit}.",
        f"**Why:** {code(notes.why)}" if notes.why else "",
        _pull(notes) if notes.image else "",
        f"## Where it comes from\n\n{_fence(notes.trace)}",
        _demoted(notes.card),
    ]
    text = "\n\n".join(part for part in parts if part)
    if len(text) > MAXIMUM_LENGTH:
        text = text[:MAXIMUM_LENGTH].rpartition("\n")[0] + "\n\nThe rest is in the attached model card.\n"
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
    """Lower the headings of the card by one level: the release has a title of its own."""
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in card.strip().splitlines())
