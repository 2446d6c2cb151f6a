"""Make the template a person's own: their table in place of the example, in params.yaml and in the pipeline."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from lastro.core.errors import ExternalError, LastroError
from lastro.core.files import write_whole
from lastro.core.paths import Paths
from lastro.families import catalog
from lastro.operations.lineage import git
from lastro.operations.lineage.dvc import run_dvc
from lastro.tables.sources import LeaveOut

EXAMPLE = "data/breast_cancer.csv"
"""The table of a new repository."""
PLACE = "data/raw"
"""Where a table from outside of the repository is copied to."""
OUTPUTS = ("data/prepared", "models", "reports")
"""What the pipeline writes."""

NAMING_COLUMNS = ("monotone_constraints", "interaction_constraints", "monotonic_cst")
"""The hyperparameters, of any family, that name columns of the table."""


@dataclass(frozen=True)
class Options:
    """What the person asks for; without a `name` it is the file's own."""

    data: Path
    target: str
    task: str = "auto"
    family: str = "xgboost"
    name: str | None = None
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What `apply` will do, checked: nothing of it is done yet.

    Attributes:
        source: `data.source`, relative to the repository.
        text: the new params.yaml.
        task: what the target was found to need.
    """

    root: Path
    data: Path
    source: str
    text: str
    task: str


def make_plan(root: Path, options: Options, force: bool = False) -> Plan:
    """Check everything that can be checked without replacing a file.

    Raises LastroError: the repository is somebody's own already (without `force`), or whatever `load_params` and `prepare`
    say of the table and the options.
    """
    # Where no shell has done so: at the prompt, and after --data=. Unlike Path's, os.path's leaves an unknown user alone.
    data = Path(os.path.expanduser(options.data)).resolve()
    where = f"--data: {options.data}"
    if not data.exists():
        fix = "expected a .csv or .parquet file, or a folder of them"
        raise LastroError("no such file or folder", where=where, fix=fix)
    source = data.relative_to(root).as_posix() if data.is_relative_to(root) else f"{PLACE}/{data.name}"
    for folder in OUTPUTS:
        if data.is_relative_to(root / folder):
            problem = f"{folder}/ is the pipeline's, which empties it"
            raise LastroError(problem, where=where, fix=f"move the table to {PLACE}/")
    old = catalog.load_params(root / "params.yaml").data.source
    if not force:
        _refuse_to_overwrite(root, old, source, data)
    text = _write(root, options, source)
    return Plan(root, data, source, text, _try(text, options, data))


def apply(plan: Plan) -> list[str]:
    """Put the table and params.yaml in place and remove what the example left; returns the paths that changed.

    Raises ExternalError: DVC does not take the table.
    """
    root, place = plan.root, plan.root / plan.source
    changed = ["params.yaml", "data/schema.json"]
    if place != plan.data:
        place.parent.mkdir(parents=True, exist_ok=True)
        if plan.data.is_dir():
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(plan.data, place)
        else:
            shutil.copyfile(plan.data, place)
    if not git.attempt(root, "ls-files", "--", plan.source).stdout.strip():
        if run_dvc(root, "add", "--quiet", plan.source):
            raise ExternalError("failed, see above; params.yaml is as it was", where=f"dvc add {plan.source}")
        changed.append(f"{plan.source}.dvc")
    write_whole(root / "params.yaml", plan.text)
    # A pinned schema was the other table's.
    write_whole(root / "data" / "schema.json", "{}\n")
    # The example's model must not pass for this one's, also if the pipeline stops half-way.
    (root / "dvc.lock").unlink(missing_ok=True)
    for folder in OUTPUTS:
        shutil.rmtree(root / folder, ignore_errors=True)
    return changed


def _refuse_to_overwrite(root: Path, old: str, source: str, data: Path) -> None:
    fix = "keep a copy if you need it, then run it again with --force"
    if old != EXAMPLE:
        raise LastroError(f"data.source is {old}, no longer the example's", where="params.yaml", fix=fix)
    changed = git.attempt(root, "status", "--porcelain", "--", "params.yaml", "data/schema.json", "dvc.lock")
    if changed.stdout.strip():
        name = changed.stdout.decode().splitlines()[0][3:]
        raise LastroError("has changes that are not committed and would be lost", where=name, fix=fix)
    if root / source != data and (root / source).exists():
        raise LastroError("is there already and would be replaced", where=source, fix=fix)


def _write(root: Path, options: Options, source: str) -> str:
    """params.yaml with its comments; what named a column or a bound of the other table goes back to its default."""
    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    # By default null is written as nothing, which a person may take for forgotten.
    yaml.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    content = yaml.load((root / "params.yaml").read_text(encoding="utf-8"))
    content["name"] = options.name or name_of(options.data)
    data = content["data"]
    data["source"], data["target"], data["task"] = source, options.target, options.task
    ignore = CommentedSeq(options.ignore)
    ignore.fa.set_flow_style()
    _reset(data, {"ignore": ignore, "key": None})
    _reset(data.get("split"), {"group": None, "time": None})
    _reset(content.get("evaluation"), {"slices": []})
    gate = content.get("gate")
    _reset(gate, {"metric": "auto", "limits": {}})
    _reset(gate and gate.get("slices"), {"max_gap": None})
    model = content.setdefault("model", {})
    if model.get("family", "xgboost") != options.family:
        model["family"], model["params"] = options.family, {}
    _reset(model.get("params"), dict.fromkeys(NAMING_COLUMNS))
    text = io.StringIO()
    yaml.dump(content, text)
    return text.getvalue()


def _reset(section: Any, defaults: dict[str, Any]) -> None:
    for key, default in defaults.items():
        if section is not None and (key in section or default):
            section[key] = default


def name_of(data: Path) -> str:
    plain = unicodedata.normalize("NFKD", data.stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._") or "model"


def _try(text: str, options: Options, data: Path) -> str:
    """Run the checks of params.yaml and prepare in a folder of their own; the task that they found."""
    from lastro.tables.prepare import prepare

    with tempfile.TemporaryDirectory(prefix="lastro-init-") as folder:
        paths = Paths.of(Path(folder))
        write_whole(paths.params, text)
        write_whole(paths.committed_schema, "{}\n")
        params = catalog.load_params(paths.params, {"data.source": str(data)})
        try:
            prepare(params, paths)
        except LastroError as error:
            if isinstance(error.fix, LeaveOut):
                error.fix = f"leave it out: --ignore {shlex.quote(error.fix.column)}"
            raise
        task = json.loads(paths.schema.read_text(encoding="utf-8"))["task"]
    catalog.check_task(catalog.get(options.family), task, "--family")
    return task
