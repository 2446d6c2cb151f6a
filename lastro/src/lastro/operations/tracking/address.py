"""Where runs are tracked: MLFLOW_TRACKING_URI, or the database in the clone. Nothing of MLflow's is imported."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from lastro.core.errors import ExternalError, LastroError

VARIABLE = "MLFLOW_TRACKING_URI"
FOLDER = "mlartifacts"
"""The artifacts of the embedded store, beside its database."""
LOCAL = ("file:", "/", "./", "../")
"""How the address of MLflow's old store of files begins."""
SECONDS = 5.0
"""How long another process may hold the database."""

_PLACES = {
    "experiments": "artifact_location",
    "runs": "artifact_uri",
    "logged_models": "artifact_location",
    "model_versions": "storage_location",
}
"""Where MLflow's database keeps absolute addresses of artifacts."""


def configured() -> str:
    """Return MLFLOW_TRACKING_URI without the space or line end around it; empty where it is blank or not set.

    Raises:
        LastroError: it is no address of a store.
    """
    uri = os.environ.get(VARIABLE, "").strip()
    known = "://" in uri or uri.startswith(LOCAL) or uri in ("", "databricks", "uc")
    if not known or uri.startswith("//") or len(uri.split()) > 1:
        fix = "write http:// or https:// before a server's name, ./ before a folder's"
        raise LastroError("is no address of a store", where=f"{VARIABLE} {uri!r:.200}", fix=fix)
    return uri


def is_remote(uri: str) -> bool:
    """Return whether the address is that of a server, which may fail to answer."""
    return bool(uri) and not uri.startswith(("sqlite:", *LOCAL))


def tracking_uri(root: Path) -> str:
    """Return what is configured, or the SQLite file in the clone."""
    return configured() or f"sqlite:///{database_of(root)}"


def database_of(root: Path) -> Path:
    """Return where the clone's own store lies.

    DVC runs queued experiments in a throw-away copy below .dvc/tmp; their runs belong to the clone it was made from.
    """
    root = root.resolve()
    for folder in root.parents:
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2] / "mlflow.db"
    return root / "mlflow.db"


def bring_home(database: Path) -> None:
    """Let the database name the artifacts beside it, where its clone was moved, copied or restored since.

    Raises:
        ExternalError: it is locked, or damaged.
    """
    if not database.is_file():
        return
    try:
        with closing(sqlite3.connect(database, timeout=SECONDS)) as connection, connection:
            _rewrite(connection, database.parent)
    except sqlite3.OperationalError as error:
        fix = f"wait for the process that writes it, or end it (fuser {database.name} names it), then run this again"
        raise ExternalError(str(error), where=database, fix=fix) from None
    except sqlite3.DatabaseError as error:
        fix = f"restore it from a backup; or mv {database.name} damaged.db and lastro register, which makes it anew"
        raise ExternalError(str(error), where=database, fix=fix) from None


def _rewrite(connection: sqlite3.Connection, new: Path) -> None:
    # MLflow of another version, or one that is making them now, has other tables.
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not _PLACES.keys() <= tables:
        return
    for (location,) in connection.execute("SELECT artifact_location FROM experiments").fetchall():
        old = Path(url2pathname(urlsplit(location).path)).parent
        moved = (new / FOLDER).exists() or not (old / FOLDER).exists()
        if location != (old / FOLDER).as_uri() or old == new or not moved:
            continue
        for table, column in _PLACES.items():
            for before, after in ((old.as_uri(), new.as_uri()), (str(old), str(new))):
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (f"{after}/", len(before) + 2, len(before) + 1, f"{before}/"),
                )
