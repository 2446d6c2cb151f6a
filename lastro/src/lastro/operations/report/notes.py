"""Write the files of a release from the registry and from what its commit recorded: notes, model card, trace."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from lastro.core.errors import LastroError
from lastro.core.files import write_json, write_whole
from lastro.core.markdown import code
from lastro.operations.image.publication import address
from lastro.operations.image.subject import find_subject
from lastro.operations.registry import history
from lastro.operations.registry.artifact import evaluation_file, fetch_folder
from lastro.operations.registry.client import Registry
from lastro.operations.registry.register import complete_run
from lastro.operations.release.tags import ReleaseTag
from lastro.operations.release.trace import find_start, follow

MAXIMUM_LENGTH = 100_000
"""GitHub takes 125,000 characters."""


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
    parts = [
        f"{code(subject.name)} version {subject.version.number}, model {code(subject.lineage.model)}, "
        f"commit {subject.lineage.commit}.",
        f"**Why:** {code(entry.why)}" if entry.why else "",
        _pull(f"{address(repository)}@{entry.image}", example) if entry.image else "",
        f"## Where it comes from\n\n{_fence(chain.to_text())}",
        # One level lower: the release has a title of its own.
        "\n".join(
            f"#{line}" if line.startswith("#") else line for line in card.decode().strip().splitlines()
        ),
    ]
    text = "\n\n".join(part for part in parts if part)
    if len(text) > MAXIMUM_LENGTH:
        text = text[:MAXIMUM_LENGTH].rpartition("\n")[0] + "\n\nThe rest is in the attached model card.\n"
    write_whole(folder / "notes.md", text + "\n")
    write_whole(folder / "model_card.md", card)
    write_whole(folder / "metrics.json", metrics)
    write_json(folder / "trace.json", chain.to_json())


def _pull(image: str, example: dict[str, Any]) -> str:
    # MLflow keeps the example as the body of a request, or as a table alone.
    if "dataframe_split" not in example and "inputs" not in example:
        example = {"dataframe_split": example}
    call = "curl -H 'Content-Type: application/json' --data @request.json http://127.0.0.1:8080/invocations"
    return (
        "## Pull and call\n\n```sh\n"
        f"docker run --rm --publish 127.0.0.1:8080:8080 --read-only --cap-drop ALL {image}\n{call}\n```\n\n"
        f"with a `request.json` such as\n\n{_fence(json.dumps(example, ensure_ascii=True))}"
    )


def _fence(text: str) -> str:
    # Longer than any fence in the text, which may come from a person.
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}text\n{text}\n{ticks}"
