"""Where things lie in a checkout, named once."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lastro.core.errors import LastroError

DOCS = Path(__file__).parents[3] / "docs"
"""The documentation, where the package lies in a checkout."""


@dataclass(frozen=True)
class Paths:
    """The inputs and outputs of the pipeline below two folders.

    `root` is the repository (params.yaml, dvc.lock, data sources); `outputs` is where the stages write, which
    is the same folder for the pipeline and a temporary one for a trial.
    """

    root: Path
    outputs: Path

    @classmethod
    def of(cls, root: Path) -> Paths:
        """The pipeline's own paths in the repository `root`."""
        return cls(root, root)

    params = property(lambda self: self.root / "params.yaml")
    lock = property(lambda self: self.root / "requirements" / "runtime.lock")
    author = property(lambda self: self.root / "src" / "model")
    committed_schema = property(lambda self: self.root / "data" / "schema.json")

    prepared = property(lambda self: self.outputs / "data" / "prepared")
    schema = property(lambda self: self.prepared / "schema.json")
    train = property(lambda self: self.prepared / "train.parquet")
    validation = property(lambda self: self.prepared / "validation.parquet")
    test = property(lambda self: self.prepared / "test.parquet")

    model = property(lambda self: self.outputs / "models" / "model.bin")
    training = property(lambda self: self.outputs / "models" / "training.json")

    reports = property(lambda self: self.outputs / "reports")
    predictions = property(lambda self: self.reports / "predictions.parquet")
    evaluation = property(lambda self: self.reports / "evaluation.json")
    metrics = property(lambda self: self.reports / "metrics.json")
    verdict = property(lambda self: self.reports / "verdict.json")
    model_card = property(lambda self: self.reports / "model_card.md")
    plots = property(lambda self: self.reports / "plots")


def find_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` that holds dvc.yaml and params.yaml.

    Raises:
        LastroError: there is none.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "params.yaml").is_file():
            return folder
    raise LastroError(
        "no dvc.yaml and params.yaml here or above",
        where=start,
        fix="run this inside a clone of the repository",
    )


def page(name: str) -> str:
    """Return where a page of Lastro's documentation is for the reader of a message.

    In a checkout of Lastro it is the file. In a repository that was made from it, which has no such folder, it is the page
    of the commit that the package was installed from.
    """
    if (DOCS / name).is_file():
        return os.path.relpath(DOCS / name)
    try:
        source = json.loads(metadata.distribution("lastro").read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:
        source = {}
    url, commit = urlsplit(source.get("url", "")), source.get("vcs_info", {}).get("commit_id")
    file = Path(unquote(url.path)) / "lastro" / "docs" / name
    if url.scheme == "file" and file.is_file():
        return str(file)
    if not commit or not url.hostname:
        return f"lastro/docs/{name} in Lastro's repository"
    # Never the user or password of the URL; the port of ssh is not that of the site.
    port = f":{url.port}" if url.port and url.scheme == "https" else ""
    return f"https://{url.hostname}{port}{url.path.removesuffix('.git')}/blob/{commit}/lastro/docs/{name}"
