"""The files of a release, gathered from the registry: notes, model card, trace."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from lastro.errors import LastroError
from lastro.files import write_json, write_whole
from lastro.registry import artifact, history
from lastro.registry.client import Registry
from lastro.release.image.publication import address
from lastro.release.image.subject import download_model, find_subject
from lastro.release.tags import ReleaseTag
from lastro.reporting.release_notes import Notes, render
from lastro.trace import find_start, follow
from lastro.trace.text import as_text


def write_notes(registry: Registry, root: Path, tag: ReleaseTag, repository: str, folder: Path) -> None:
    """Write notes.md, model_card.md, metrics.json and trace.json into `folder`.

    Raises:
        LastroError: the tag was not promoted, or its chain is broken.
    """
    subject = find_subject(registry, root, str(tag))
    entries = history.promotions(history.read_entries(registry.snapshot()))
    entry = next((e for e in reversed(entries) if e.release == str(tag)), None)
    if entry is None:
        raise LastroError(f"{tag}: was not promoted; lastro promote {tag}")
    chain = follow(registry, root, find_start(registry, root, str(tag)))
    with tempfile.TemporaryDirectory(prefix="lastro-notes-") as name:
        place = Path(name)
        card = artifact.download(subject.run, "evaluation/model_card.md", place).read_text(encoding="utf-8")
        metrics = artifact.download(subject.run, "evaluation/evaluation.json", place).read_bytes()
        model = download_model(subject, place / "model")
        example = json.loads((model / "input_example.json").read_bytes())
    notes = Notes(
        release=str(tag),
        name=subject.name,
        version=subject.version.number,
        commit=subject.lineage.commit or "",
        model=subject.lineage.model,
        image=f"{address(repository)}@{entry.image}" if entry.image else "",
        example=_request(example),
        card=card,
        trace=as_text(chain),
        why=entry.why,
    )
    write_whole(folder / "notes.md", render(notes))
    write_whole(folder / "model_card.md", card)
    write_whole(folder / "metrics.json", metrics)
    write_json(folder / "trace.json", chain.to_json())


def _request(example: object) -> dict[str, object]:
    """MLflow keeps the example as the body of a request, or as a table alone."""
    if isinstance(example, dict) and ("dataframe_split" in example or "inputs" in example):
        return example
    return {"dataframe_split": example}
