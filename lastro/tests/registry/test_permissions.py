"""A real server with users: who may only read is told so in one line, and an artifact that was touched is told by digest."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from pathlib import Path

import mlflow
import pytest
from mlflow.server import get_app_client

from lastro.core.errors import ExternalError
from lastro.operations.lineage import lineage
from lastro.operations.registry import promotion
from lastro.operations.registry.client import Registry, one_line
from lastro.operations.registry.history import Entry
from lastro.operations.registry.promotion import plan_rollback, roll_back
from lastro.operations.registry.versions import retire
from lastro.operations.release.plan import promote
from lastro.operations.release.tags import ReleaseTag
from tests.registry.conftest import register, registry_at
from tests.servers import MlflowServer

pytestmark = pytest.mark.e2e

PASSWORDS = {
    "admin": "correct-horse-battery",
    "editor": "may-write-not-delete",
    "reader": "only-for-this-test",
    "stranger": "not-known-here",
}


def user(name: str) -> dict[str, str]:
    return {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": PASSWORDS[name]}


class Team:
    """A server with users, on which v1.0.0 was in production before v1.1.0, and v1.2.0 is not registered."""

    def __init__(self, server: MlflowServer, registry: Registry, folder: Path):
        self.server, self.registry, self.artifacts = server, registry, folder / "artifacts"

    def model_file(self, number: int) -> Path:
        """Where the server keeps the version's model."""
        run = self.registry.get(number).run_id
        (file,) = self.artifacts.glob(f"*/{run}/artifacts/model/model.ubj")
        return file


@pytest.fixture(scope="module")
def team(template, empty_database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("team")
    (folder / "server.db").write_bytes(empty_database.read_bytes())
    config = folder / "auth.ini"
    config.write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{folder / 'auth.db'}\n"
        f"admin_username = admin\nadmin_password = {PASSWORDS['admin']}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    server = MlflowServer(
        folder,
        f"sqlite:///{folder / 'server.db'}",
        "--app-name",
        "basic-auth",
        env={"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": "for-this-test"},
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in user("admin").items():
            patch.setenv(name, value)
        registry = registry_at(server.uri, "breast-cancer")
        for tag in ("v1.0.0", "v1.1.0"):
            register(registry, template, tag)
            promote(registry, template.folder, ReleaseTag.parse(tag), who="Test")
        users = get_app_client("basic-auth", server.uri)
        for name in ("reader", "editor", "stranger"):
            users.create_user(name, PASSWORDS[name])
        for name, permission in {"editor": "EDIT", "stranger": "DENY"}.items():
            experiment = registry.store.experiment.experiment_id
            users.grant_user_permission(name, "experiment", experiment, permission)
            users.grant_user_permission(name, "registered_model", registry.name, permission)
        yield Team(server, registry, folder)
        mlflow.set_tracking_uri(None)
    server.stop()


@pytest.fixture
def lastro(clone, team):
    """Runs a command as a user, with what it prints and what it says in case of error apart."""

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = clone.env | {"MLFLOW_TRACKING_URI": team.server.uri} | user(name)
        return subprocess.run(
            ["lastro", *arguments], cwd=clone.folder, env=env, capture_output=True, text=True, check=False
        )

    return run


def state(team: Team):
    return team.registry.snapshot(), team.registry.versions()


@pytest.mark.parametrize(
    "command",
    [
        ["register"],
        ["promote", "v1.1.1"],
        ["rollback", "--reason", "drift"],
        ["retire", "1", "--reason", "leaks"],
        ["retire", "2", "--reason", "leaks", "--even-in-production"],
    ],
    ids=" ".join,
)
def test_who_may_only_read_changes_nothing_and_is_told_how_to_fix_it(clone, team, lastro, command):
    clone.run("git", "tag", "v1.1.1", "v1.1.0")
    before = state(team)
    done = lastro("reader", *command)
    assert done.returncode == 3, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the tracking server refuses (")
    assert "403" in line
    assert "this user may not do that" in line
    assert "EDIT permission" in line
    assert PASSWORDS["reader"] not in line
    assert state(team) == before


def test_who_may_only_read_can_read(clone, team, lastro):
    rows = json.loads(lastro("reader", "versions", "--json").stdout)
    assert [(row["version"], row["aliases"]) for row in rows] == [
        (2, ["production", "test"]),
        (1, ["previous"]),
    ]
    shown = json.loads(lastro("reader", "show", "production", "--json").stdout)
    assert shown["model"] == lineage.read(clone.folder, "v1.1.0").model
    assert shown["card"].startswith("# breast-cancer")
    entries = json.loads(lastro("reader", "history", "--json").stdout)
    assert [entry["release"] for entry in entries] == ["v1.1.0", "v1.0.0"]
    traced = lastro("reader", "trace", "v1.1.0")
    assert (traced.returncode, traced.stderr) == (0, "")
    assert "the chain is whole" in traced.stdout
    # What is there already needs no permission to be left as it is.
    done = lastro("reader", "register", "--rev", "v1.0.0")
    assert done.stdout.startswith("registered already: breast-cancer version 1, "), done.stderr
    planned = lastro("reader", "release", "plan", "v1.1.0")
    assert planned.returncode == 0, planned.stderr
    again = lastro("reader", "promote", "v1.1.0")
    assert again.stdout == "promoted already: production is v1.1.0, breast-cancer version 2\n"
    dry = lastro("reader", "rollback", "--reason", "x", "--dry-run")
    assert "to:   v1.0.0, version 1" in dry.stdout


@pytest.mark.parametrize("command", [["versions"], ["show", "1"], ["history"], ["register"]], ids=" ".join)
def test_who_may_not_even_read_is_told(team, lastro, command):
    done = lastro("stranger", *command)
    assert done.returncode == 3, done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "403" in line
    assert "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in line


@pytest.fixture
def edited(team, monkeypatch):
    """A registered model of the test's own, v1.0.0 and then v1.1.0 in production, used as one who may write, not delete."""
    for name, value in user("admin").items():
        monkeypatch.setenv(name, value)
    own = registry_at(team.server.uri, "breast-cancer", f"edited-{uuid.uuid4().hex}")
    for version, release in ((1, "v1.0.0"), (2, "v1.1.0")):
        copied = team.registry.get(version)
        made = own.create(copied.run_id, copied.tags, "")
        wanted = Entry(
            action="promote",
            alias="production",
            release=release,
            version=made.number,
            model=made.tags["lastro.model"],
            commit="c" * 40,
            image=None,
            who="Test",
            why="",
        )
        promotion.move_alias(own, wanted, seen=version - 1)
    users = get_app_client("basic-auth", team.server.uri)
    users.grant_user_permission("editor", "registered_model", own.name, "EDIT")
    for name, value in user("editor").items():
        monkeypatch.setenv(name, value)
    return own


# MLflow asks for more than EDIT before it deletes an alias.
def test_who_may_write_can_return_to_the_first_release(edited):
    """`previous` has nothing to point at then; that it cannot be deleted must not keep production where it is."""
    roll_back(edited, plan_rollback(edited), "Test", "drift")
    assert edited.snapshot().aliases["production"] == 1


def test_who_may_not_delete_an_alias_is_told_the_right_that_is_missing(edited):
    with pytest.raises(ExternalError, match=r"this user may not do that.*MANAGE"), one_line():
        retire(edited, 1, "leaks")


@pytest.fixture(params=["altered", "deleted"])
def touched(request, team):
    """The model file of version 1 on the server's disk is not what was logged; and what is printed of it."""
    file = team.model_file(1)
    content = file.read_bytes()
    if request.param == "altered":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        yield r": has MD5 [0-9a-f]{32}, dvc.lock has [0-9a-f]{32}: it was altered; "
    else:
        file.unlink()
        yield r": is not in the tracking store; "
    file.write_bytes(content)


@pytest.mark.parametrize(
    "command",
    [["promote", "v1.2.1"], ["rollback", "--reason", "drift"]],
    ids=" ".join,
)
def test_touched_artifact_is_refused_by_its_digest(clone, team, lastro, touched, command):

    clone.run("git", "tag", "v1.2.1", "v1.0.0")
    before = state(team)
    done = lastro("admin", *command)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    run = team.registry.get(1).run_id
    assert re.match(rf"error: runs:/{run}/model/model\.ubj{touched}", line), line
    assert "; lastro register --rev " in line
    assert state(team) == before
