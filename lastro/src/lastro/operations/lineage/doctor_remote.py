"""The DVC remote: written to, read back, cleaned up; and whether it holds the model of dvc.lock."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lastro.core.check import Check, failed, ok, warning
from lastro.core.errors import LastroError
from lastro.operations.lineage import lineage

NAME = "DVC remote"


def examine(root: Path, ci: bool) -> Iterator[Check]:
    """Check; see `lastro.cli.doctor`."""
    from dvc.repo import Repo

    from lastro.core.check import without_password

    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    # Each kind of remote raises errors of its own library's.
    try:
        repo = Repo(str(root))
    except Exception as error:
        yield failed(NAME, f"DVC cannot open the repository: {_first(error)}", "dvc doctor says more")
        return
    with repo:
        name = repo.config["core"].get("remote")
        if not name:
            yield warning(
                NAME, "none is the default: data and models stay here", "dvc remote add --default NAME URL"
            )
            return
        try:
            remote = repo.cloud.get_remote()
        except Exception as error:
            yield failed(NAME, f"{name}: {_first(error)}", "dvc remote list, dvc remote modify")
            return
        where = f"{name} ({without_password(repo.config['remote'][name]['url'])})"
        yield from _examine_remote(root, remote, where, ci)


def _examine_remote(root: Path, remote: Any, where: str, ci: bool) -> Iterator[Check]:
    fs, folder = remote.fs, remote.path
    probe, content = fs.join(folder, f"lastro-doctor-{uuid.uuid4().hex}"), uuid.uuid4().hex.encode()
    step = "write"
    try:
        fresh = not fs.exists(folder)
        fs.makedirs(folder, exist_ok=True)
        try:
            with fs.open(probe, "wb") as file:
                file.write(content)
            step = "read"
            if fs.cat_file(probe) != content:
                raise OSError("other bytes came back than were written")
        finally:
            if fs.exists(probe):
                fs.remove(probe)
            if fresh and fs.protocol == "local":
                # DVC makes the folder when it pushes; a look must not.
                Path(folder).rmdir()
    except Exception as error:
        fix = "give this user the right to, or correct its credentials: dvc remote modify --local"
        yield failed(NAME, f"{where}: cannot {step}: {_first(error)}", fix)
        return
    if ci and fs.protocol == "local":
        fix = "dvc remote add --default NAME URL with one that outlives the job"
        yield warning(NAME, f"{where}: written and read, but it is a folder of this machine", fix)
    else:
        yield ok(NAME, f"{where}: written, read, cleaned up")
    yield _pushed(root, remote)


def _pushed(root: Path, remote: Any) -> Check:
    """Others, and `lastro reproduce`, can only get what was pushed."""
    try:
        found = lineage.read(root)
        missing = [
            n for n, md5 in (("model", found.model), ("data", found.data)) if not remote.odb.exists(md5)
        ]
    except LastroError as error:
        return warning("DVC push", str(error), "lastro status says more")
    except Exception as error:
        return failed("DVC push", _first(error), "dvc status --cloud says more")
    if missing:
        return warning(
            "DVC push", f"the remote lacks the {' and the '.join(missing)} of dvc.lock", "dvc push"
        )
    return ok("DVC push", "the remote has the model and the data of dvc.lock")


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
