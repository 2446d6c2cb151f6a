"""A backup as docs/server.md tells it: the database and the artifacts, restored into a new server."""

from __future__ import annotations

import shutil

import pytest

from tests.servers import MlflowServer

pytestmark = pytest.mark.e2e


def test_restored_server_knows_the_whole_chain(clone, postgres, tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    old = MlflowServer(before, postgres.create("to_be_lost"))
    try:
        clone.run("lastro", "register", MLFLOW_TRACKING_URI=old.uri)
        clone.run("lastro", "promote", "v1.2.0", MLFLOW_TRACKING_URI=old.uri)
        history = clone.run("lastro", "history", "--json", MLFLOW_TRACKING_URI=old.uri).stdout
    finally:
        old.stop()
    dump = postgres.dump("to_be_lost")
    shutil.copytree(before / "artifacts", after / "artifacts")
    shutil.rmtree(before)

    postgres.restore(dump, "restored")
    new = MlflowServer(after, postgres.uri("restored"))
    try:
        printed = clone.run("lastro", "register", MLFLOW_TRACKING_URI=new.uri).stdout
        assert printed.startswith("registered already: breast-cancer version 1, ")
        assert (
            "the chain is whole"
            in clone.run("lastro", "trace", "production", MLFLOW_TRACKING_URI=new.uri).stdout
        )
        assert clone.run("lastro", "history", "--json", MLFLOW_TRACKING_URI=new.uri).stdout == history
    finally:
        new.stop()
