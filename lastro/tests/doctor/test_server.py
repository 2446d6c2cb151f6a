"""compose.yaml's server, with its own options and settings, over a real PostgreSQL, and what doctor says of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

import mlflow
import pytest
import yaml

from tests.servers import MlflowServer, free_port, wait_for

VALUES = {
    "POSTGRES_PASSWORD": "unused",
    "MLFLOW_ADMIN_PASSWORD": "correct horse battery",
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "for tests only",
}


def filled(value, values=VALUES):
    """`value` with ${NAME}, ${NAME:-default} and ${NAME:?message} as Compose fills them in."""
    if isinstance(value, dict):
        return {key: filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, values) for inner in value]
    if not isinstance(value, str):
        return value

    def one(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if kind == ":?" and name not in values:
            raise KeyError(f"{name}: {rest}")
        return values.get(name, rest if kind == ":-" else "")

    return re.sub(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}", one, value)


@pytest.fixture(scope="module")
def compose(root):
    return yaml.safe_load((root / "compose.yaml").read_text())


def test_images_are_pinned_and_of_the_locked_mlflow(compose, root):
    recipe = compose["services"]["server"]["build"]["dockerfile_inline"]
    lock = (root / "lastro" / "requirements" / "dev.lock").read_text()
    for name in ("mlflow", "flask-wtf", "psycopg2-binary"):
        assert re.search(rf"{name}==(\S+)", recipe)[1] == re.search(rf"^{name}==(\S+)", lock, re.M)[1]
    images = [compose["services"]["database"]["image"], re.search(r"FROM (\S+)", recipe)[1]]
    assert all(re.fullmatch(r"[a-z]+:[0-9]+\.[0-9.]+-\S+", image) for image in images)


@pytest.mark.parametrize("name", VALUES)
def test_no_secret_has_a_default(compose, name):
    with pytest.raises(KeyError, match=f"{name}: set {name}"):
        filled(compose, {key: value for key, value in VALUES.items() if key != name})


def test_database_is_not_published_and_services_are_checked(compose):
    services = compose["services"]
    assert "ports" not in services["database"]
    assert services["database"]["networks"] == ["inside"]
    assert compose["networks"]["inside"]["internal"] is True
    assert filled(services["server"]["ports"]) == ["127.0.0.1:5000:5000"]
    assert all("healthcheck" in service for service in services.values())
    assert services["server"]["depends_on"]["database"] == {"condition": "service_healthy"}
    mounted = {v.partition(":")[0] for service in services.values() for v in service["volumes"]}
    assert mounted == set(compose["volumes"])


class ComposeServer(MlflowServer):
    """The service `server` of compose.yaml, outside of a container: other ports, paths and database only."""

    def __init__(self, service: dict, config: str, folder, database: str):
        self.port, self.log, self._folder = free_port(), folder / "mlflow.log", folder
        self.uri = f"http://127.0.0.1:{self.port}"
        local = {"--host=0.0.0.0": "--host=127.0.0.1", "--port=5000": f"--port={self.port}"}
        options = [local.get(option, option) for option in service["command"]]
        assert options[:2] == ["mlflow", "server"]
        self._command = [sys.executable, "-m", *options]
        auth = folder / "auth.ini"
        auth.write_text(re.sub(r"postgresql\S+", database, config))
        settings = {key: value for key, value in service["environment"].items() if value is not None}
        assert settings["MLFLOW_BACKEND_STORE_URI"].startswith("postgresql+psycopg2://")
        settings |= {"MLFLOW_BACKEND_STORE_URI": database, "MLFLOW_AUTH_CONFIG_PATH": str(auth)}
        settings["MLFLOW_ARTIFACTS_DESTINATION"] = str(folder / "artifacts")
        self._env = {**os.environ, **settings}
        self.start()


@pytest.fixture(scope="module")
def server(compose, postgres, tmp_path_factory):
    service, config = filled(compose["services"]["server"]), filled(compose["configs"]["auth"]["content"])
    running = ComposeServer(service, config, tmp_path_factory.mktemp("compose"), postgres.create("team"))
    yield running
    running.stop()


def status(uri: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(uri, headers=headers), timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def doctor(clone, code: int, **env: str) -> dict[str, dict[str, str]]:
    done = clone.run("lastro", "doctor", "--ci", "--json", check=False, **env)
    assert done.returncode == code, done.stdout
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


@pytest.mark.e2e
def test_team_server(server, compose, clone, tmp_path):
    probe = compose["services"]["server"]["healthcheck"]["test"][1:]
    probe = [sys.executable, *probe[1:-1], probe[-1].replace(":5000", f":{server.port}")]
    wait_for(lambda: subprocess.run(probe, capture_output=True).returncode == 0, server.process, server.log)
    assert status(f"{server.uri}/api/2.0/mlflow/experiments/get?experiment_id=0") == 401
    assert status(f"{server.uri}/", Host="evil.example") == 403

    admin = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": VALUES["MLFLOW_ADMIN_PASSWORD"]}
    output = tmp_path / "output"
    checks = doctor(clone, 0, MLFLOW_TRACKING_URI=server.uri, GITHUB_OUTPUT=str(output), **admin)
    assert output.read_text() == "tracking=server\n"
    for name in ("tracking", "tracking version", "tracking rights", "artifacts"):
        assert checks[name]["state"] == "ok", checks[name]
    assert mlflow.__version__ in checks["tracking version"]["what"]
    assert not [path for path in (server._folder / "artifacts").rglob("*") if path.is_file()]

    nobody = doctor(clone, 3, MLFLOW_TRACKING_URI=server.uri)["tracking"]
    assert nobody["state"] == "failed"
    assert "MLFLOW_TRACKING_USERNAME" in nobody["fix"]
    reader = {"MLFLOW_TRACKING_USERNAME": "reader", "MLFLOW_TRACKING_PASSWORD": "a long password"}
    create = (
        "from mlflow.server import get_app_client; import os;"
        f"get_app_client('basic-auth', '{server.uri}').create_user('reader', 'a long password')"
    )
    clone.run(sys.executable, "-c", create, MLFLOW_TRACKING_URI=server.uri, **admin)
    refused = doctor(clone, 3, MLFLOW_TRACKING_URI=server.uri, **reader)["tracking rights"]
    assert refused["state"] == "failed"
    assert "EDIT" in refused["fix"]
