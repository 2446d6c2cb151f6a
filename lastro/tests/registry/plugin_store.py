"""A store from a plug-in, as Azure ML's is: a URI scheme of its own, found by MLflow through entry points.

It keeps runs and versions in SQLite, and refuses, as older servers do, what MLflow 3 added: logged models.
"""

from __future__ import annotations

from pathlib import Path

SCHEME = "plugged"
_CODE = """
def database(uri):
    return "sqlite:///" + uri.removeprefix("plugged://")


def refused(*_, **__):
    from mlflow.exceptions import MlflowException

    raise MlflowException("404: this server has no such endpoint")


# MLflow loads plug-ins while it is imported itself, so they import it when they are called.
def tracking_store(store_uri=None, artifact_uri=None):
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    new = {name: refused for name in dir(SqlAlchemyStore) if name.endswith(("logged_model", "logged_models"))}
    folder = store_uri.removeprefix("plugged://").rpartition("/")[0]
    return type("Store", (SqlAlchemyStore,), new)(database(store_uri), f"plugged-files://{folder}/files")


def registry_store(store_uri=None, **_):
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(database(store_uri))


def files(artifact_uri, *rest, **options):
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    return LocalArtifactRepository("file://" + artifact_uri.removeprefix("plugged-files://"), *rest, **options)
"""
_ENTRY_POINTS = """\
[mlflow.tracking_store]
plugged = lastro_plugged:tracking_store
[mlflow.model_registry_store]
plugged = lastro_plugged:registry_store
[mlflow.artifact_repository]
plugged-files = lastro_plugged:files
"""


def install(folder: Path) -> None:
    """Write the plug-in into a folder for the PYTHONPATH."""
    about = folder / "lastro_plugged-1.dist-info"
    about.mkdir(parents=True)
    (folder / "lastro_plugged.py").write_text(_CODE)
    (about / "entry_points.txt").write_text(_ENTRY_POINTS)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lastro-plugged\nVersion: 1\n")
