"""The evaluation as a commit recorded it. A run holds the one that was recorded last, which may be another commit's."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mlflow.entities import Run

from lastro.core.errors import LastroError
from lastro.core.paths import Paths
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import artifact
from lastro.operations.registry.restore import digest_of, recorded, restore


def own_file(root: Path, found: Lineage, run: Run, name: str, folder: Path) -> Path:
    """The commit's own file of its evaluation: in the working copy, from the run of its model, or else as DVC holds it.

    name: of the file in reports/.

    Raises:
        LastroError: dvc.lock records no such file, or it is nowhere.
        ExternalError: the store does not answer.
    """
    here = Paths.of(root)
    path = here.reports / name
    digest = recorded(here, found)[path]
    if digest is None:
        raise LastroError(
            f"records no {path.relative_to(root).as_posix()}",
            where=f"dvc.lock at {(found.commit or 'HEAD')[:12]}",
            fix="dvc repro, commit dvc.lock",
        )
    if digest_of(path) == digest:
        return path
    with suppress(artifact.MissingArtifactError):
        held = artifact.download(run, f"evaluation/{name}", folder / "run")
        if digest_of(held) == digest:
            return held
    # Evaluated with other parameters since, or altered: the commit's own is what counts.
    return restore(root, digest, folder / name)
