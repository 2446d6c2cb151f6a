"""Where a model comes from: the links to the commit, the data and the parameters."""

from __future__ import annotations

from pathlib import Path

from mlflow.entities import Run

from lastro.core.yaml12 import flatten, load_mapping
from lastro.operations.lineage import repository
from lastro.operations.lineage.lineage import Lineage
from lastro.operations.registry import names
from lastro.operations.registry.client import Version
from lastro.operations.release.link import Link


def commit_link(
    root: Path, commit: str | None, found: Lineage | None, model: str | None, problem: str | None
) -> Link:
    """The commit whose dvc.lock names the model."""
    if commit is None:
        return Link("commit", problem=problem)
    if found is not None and model is not None and found.model != model:
        problem = (
            f"dvc.lock at {commit[:12]} names the model {found.model}, not {model}; the tag or label that joins them was "
            "changed by hand"
        )
    said = repository.subject(root, commit)
    return Link(
        "commit", {"commit": commit, "subject": said}, f"{commit[:12]}  {said}".rstrip(), problem=problem
    )


def data_link(found: Lineage | None, version: Version | None, run: Run | None) -> Link:
    """The prepared data."""
    digest, problem = _agreed(found, found and found.data, names.DATA, version)
    digest = digest or (run.data.tags.get(names.DATA) if run else None)
    return Link("data", digest, digest or "unknown", problem=problem)


def params_link(root: Path, found: Lineage | None, version: Version | None, run: Run | None) -> Link:
    """The digest of the parameters that shape the model, and the parameters."""
    digest, problem = _agreed(found, found and found.params, names.PARAMS, version)
    digest = digest or (run.data.tags.get(names.PARAMS) if run else None)
    if found is not None:
        content = load_mapping(
            repository.show(root, found.commit, "params.yaml").encode(), "params.yaml", "mend it"
        )
        values = flatten({key: content[key] for key in ("data", "model") if key in content})
    else:
        values = dict(sorted(run.data.params.items())) if run else {}
    width = max(map(len, values), default=0)
    lines = tuple(f"{name:<{width}}  {value}" for name, value in values.items())
    return Link("params", {"digest": digest, "values": values}, digest or "unknown", lines, problem)


def _agreed(
    found: Lineage | None, digest: str | None, tag: str, version: Version | None
) -> tuple[str | None, str | None]:
    """The commit's digest, or else the version's; and what is wrong where the version of this very commit has another.

    Another commit may come to the same model with other data or parameters, which is no contradiction.
    """
    registered = version.tags.get(tag) if version else None
    if digest and registered and digest != registered and version.tags.get(names.COMMIT) == found.commit:
        return digest, f"the version's tag {tag} is {registered}; it was changed by hand"
    return digest or registered, None
