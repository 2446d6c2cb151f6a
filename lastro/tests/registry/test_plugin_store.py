"""Our code knows no store: it works on one from a plug-in, whose scheme it has never heard of."""

from __future__ import annotations

import json
import os

import pytest

from tests.registry import plugin_store

pytestmark = pytest.mark.e2e


def test_the_whole_way_on_a_store_from_a_plug_in(clone, tmp_path):
    plugin_store.install(tmp_path / "plug-in")
    path = f"{clone.env['PYTHONPATH']}{os.pathsep}{tmp_path / 'plug-in'}"
    env = {"MLFLOW_TRACKING_URI": f"{plugin_store.SCHEME}://{tmp_path}/mlflow.db", "PYTHONPATH": path}

    synced = clone.run("lastro", "sync", **env).stdout
    assert synced.startswith("recorded: ")
    assert "registered: breast-cancer version 1" in clone.run("lastro", "register", **env).stdout
    assert "registered already" in clone.run("lastro", "register", **env).stdout
    clone.run("lastro", "promote", "v1.2.0", **env)
    chain = json.loads(clone.run("lastro", "trace", "--json", "production", **env).stdout)
    assert chain["whole"], chain["broken"]
    checks = json.loads(clone.run("lastro", "doctor", "--json", check=False, **env).stdout)["checks"]
    states = {check["name"]: check["state"] for check in checks}
    assert states["tracking"] == states["tracking rights"] == states["artifacts"] == "ok"
    assert (tmp_path / "files").is_dir()
