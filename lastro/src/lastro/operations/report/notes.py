"""The files of a release, gathered from the registry and from what its commit recorded: notes, model card, trace."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from lastro.core.errors import LastroError
from lastro.core.files import write_json, write_whole
from lastro.operations.image.publication import address
from lastro.operations.image.subject import download_model, find_subject
from lastro.operations.registry import history
from lastro.operations.registry.client import Registry
from lastro.operations.registry.evaluation import own_file
from lastro.operations.registry.register import complete_run
from lastro.operations.release.tags import ReleaseTag
from lastro.operations.release.trace import follow
from lastro.operations.release.trace_start import find_start
from lastro.operations.release.trace_text import as_text
from lastro.operations.report.release_notes import Notes, render


def write_notes(registry: Registry, root: Path, tag: ReleaseTag, repository: str, folder: Path) -> None:
    """Write notes.md, model_card.md, metrics.json and trace.json into `folder`.

    Raises:
        LastroError: the tag was not promoted, its chain is broken, or its commit's evaluation cannot be brought back.
    """
    subject = find_subject(registry, root, str(tag))
    entries = history.promotions(history.read_entries(registry.snapshot()))
    entry = next((e for e in reversed(entries) if e.release == str(tag)), None)
    if entry is None:
        raise LastroError("was not promoted", where=tag, fix=f"lastro promote {tag}")
    # The trace tells the run's verdict and metrics, which are another commit's where that was evaluated since.
    complete_run(registry, root, subject.lineage)
    chain = follow(registry, root, find_start(registry, root, str(tag)))
    with tempfile.TemporaryDirectory(prefix="lastro-notes-") as name:
        place = Path(name)
        card, metrics = (
            own_file(root, subject.lineage, subject.run, name, place).read_bytes()
            for name in ("model_card.md", "evaluation.json")
        )
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
        card=card.decode(),
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
