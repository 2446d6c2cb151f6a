"""Register, build, verify, push, delete, pull by digest, score, stop under load: real Docker, a real registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from tests.clones import make_clone
from tests.docker_engine import Docker
from tests.servers import wait_for

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def name() -> str:
    """What the images are called: by the process of the tests that had them built."""
    return f"image-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"


@pytest.fixture(scope="module")
def built(name, docker, root, tmp_path_factory):
    """A clone with a registered model and its image NAME:1.0.0."""
    clone = make_clone(root, tmp_path_factory.mktemp("image"), docker.env)
    # Debian's client has BuildKit; another one found first may lack it.
    clone.env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}{os.environ['PATH']}"
    clone.run("dvc", "repro")
    clone.run("lastro", "register")
    clone.run("git", "tag", "v1.0.0")
    clone.run("lastro", "image", "build", "v1.0.0", "--tag", f"{name}:1.0.0")
    return clone


def files_of(docker: Docker, image: str) -> str:
    """Names, times, modes and digests of what the image holds of ours."""
    script = "cd /opt/lastro && find . -printf '%P %T@ %m\\n' | sort && find . -type f | sort | xargs md5sum"
    return docker.run("run", "--rm", "--network=none", "--entrypoint=sh", image, "-c", script).stdout


def test_from_version_to_scored_image(built, name, docker, registry):
    push = ("lastro", "image", "push", f"{name}:1.0.0", f"{registry}/team/{name}")
    refused = built.run(*push, "--tag", "1.0.0", check=False)
    assert refused.returncode == 1
    assert "has not been verified" in refused.stdout

    table = built.run("lastro", "image", "verify", f"{name}:1.0.0", "v1.0.0").stdout
    assert "FAIL" not in table
    assert table.count("equal to the last bit") == 5

    digest = built.run(*push, "--tag", "1.0.0", "--tag", "1").stdout.strip()
    assert digest.startswith("sha256:")
    # By its id: under every name that it has.
    built_id = docker.run("image", "inspect", "--format", "{{.Id}}", f"{name}:1.0.0").stdout.strip()
    docker.run("image", "rm", "--force", built_id)
    assert docker.run("image", "inspect", built_id, check=False).returncode
    published = f"{registry}/team/{name}@{digest}"
    docker.run("pull", published)
    # For the other tests.
    docker.run("tag", published, f"{name}:1.0.0")
    assert built.run("lastro", "promote", "v1.0.0", "--image", digest).returncode == 0
    assert "the chain is whole" in built.run("lastro", "trace", published).stdout

    hardened = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--cpus=1")
    container = docker.run(
        "run", "--detach", "--publish=127.0.0.1::8080", *hardened, published
    ).stdout.strip()
    port = docker.run("port", container, "8080").stdout.strip().rpartition(":")[2]
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return requests.get(f"{url}/ping", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    follow = subprocess.Popen(
        ["docker", "wait", container], env=os.environ | docker.env, stdout=subprocess.PIPE, text=True
    )
    wait_for(ready, follow, Path(os.devnull))
    assert requests.get(f"{url}/version").json()["release"] == "v1.0.0"
    example = requests.get(f"{url}/schema").json()["example"]
    by_curl = subprocess.run(
        [
            "curl",
            "-sS",
            "-H",
            "Content-Type: application/json",
            "-d",
            json.dumps(example),
            f"{url}/invocations",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(by_curl.stdout)["predictions"][0]["prediction"] in ("benign", "malignant")

    # MLflow's own way of writing a request.
    import pandas as pd
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    frame = pd.DataFrame(**example["dataframe_split"])
    theirs = ScoringServerClient("127.0.0.1", int(port)).invoke(frame).get_predictions()
    assert theirs.to_dict("records") == json.loads(by_curl.stdout)["predictions"]

    lost, answered = [], []

    def load() -> None:
        session = requests.Session()
        while True:
            try:
                answered.append(session.post(f"{url}/invocations", json=example, timeout=30).status_code)
            except requests.exceptions.ConnectionError as error:
                # Turned away at the door is no loss; cut off in the middle of an answer is.
                refused = any(
                    sign in str(error) for sign in ("refused", "closed connection without", "reset by peer")
                )
                if not refused:
                    lost.append(str(error))
                return

    clients = [threading.Thread(target=load) for _ in range(4)]
    for client in clients:
        client.start()
    while len(answered) < 200:
        assert any(client.is_alive() for client in clients)
    docker.run("stop", "--time", "30", container)
    for client in clients:
        client.join(60)
    assert follow.communicate(timeout=60)[0].strip() == "0"
    assert not lost
    assert set(answered) == {200}


def test_same_version_gives_the_same_files_with_either_builder(built, name, docker):
    first = files_of(docker, f"{name}:1.0.0")
    assert "lastro_scoring/serving/http.py" in first
    assert "model/__init__.py" in first
    built.run(
        "lastro", "image", "build", "v1.0.0", "--tag", f"{name}:again", "--no-cache", DOCKER_BUILDKIT="1"
    )
    assert files_of(docker, f"{name}:again") == first


def test_no_path_of_the_build_machine_and_no_training_row(built, name, docker):
    listing = docker.run(
        "run",
        "--rm",
        "--network=none",
        "--entrypoint=sh",
        f"{name}:1.0.0",
        "-c",
        f"grep -rlF {built.folder} /opt/lastro; true",
    )
    assert listing.stdout == ""
    whoami = docker.run("run", "--rm", "--network=none", "--entrypoint=id", f"{name}:1.0.0").stdout
    assert whoami.startswith("uid=10001 gid=10001")


def test_bill_of_materials_names_what_is_installed(built, name, docker):
    inside = "import importlib.metadata as m, json; print(json.dumps([[d.name, d.version] for d in m.distributions()]))"
    run = ("run", "--rm", "--network=none", "--entrypoint")
    packages = json.loads(docker.run(*run, "python", f"{name}:1.0.0", "-c", inside).stdout)
    debian = docker.run(
        *run, "dpkg-query", f"{name}:1.0.0", "-Wf", "${Package} ${Version}\\n"
    ).stdout.splitlines()
    for place in ("sbom", "again"):
        built.run("lastro", "image", "sbom", f"{name}:1.0.0", "--output", place)
    found = json.loads(built.read("sbom/sbom.cdx.json"))
    parts = {kind: set() for kind in ("pypi", "deb", "generic")}
    for part in found["components"]:
        if "purl" in part:
            parts[part["purl"].partition(":")[2].partition("/")[0]].add(f"{part['name']} {part['version']}")
    assert parts["pypi"] == {f"{name} {version}" for name, version in packages}
    assert parts["deb"] == set(debian)
    assert parts["generic"] == {f"python {'.'.join(map(str, sys.version_info[:3]))}"}
    assert "Copyright (c) 2005-2025, NumPy Developers" in built.read("sbom/licences.txt")
    for file in ("sbom.cdx.json", "licences.txt"):
        assert built.read(f"sbom/{file}") == built.read(f"again/{file}")


def test_a_model_that_cannot_be_loaded_ends_the_container(built, name, docker):
    for workers in (1, 2):
        done = docker.run(
            "run",
            "--rm",
            "--network=none",
            f"--env=LASTRO_WORKERS={workers}",
            "--env=LASTRO_MODEL=/nowhere",
            f"{name}:1.0.0",
            check=False,
        )
        assert done.returncode == 1
        assert "the model cannot be loaded (FileNotFoundError" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_family_of_scikit_learn(built, name, docker):
    text = built.read("params.yaml")
    start, end = text.index("  family: "), text.index("\nevaluation:")
    built.write(
        "params.yaml", f"{text[:start]}  family: random_forest\n  params: {{n_estimators: 20}}\n{text[end:]}"
    )
    built.run("dvc", "repro")
    built.commit("Another family")
    built.run("lastro", "register")
    built.run("lastro", "image", "build", "test", "--tag", f"{name}:forest")
    assert (
        f"verified: {name}:forest" in built.run("lastro", "image", "verify", f"{name}:forest", "test").stdout
    )


def test_mlflows_own_entry_point_works_in_the_intermediate_image(built, name, docker):
    stock = docker.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "lastro-stock").stdout.split()[
        0
    ]
    container = docker.run("run", "--detach", "--publish=127.0.0.1::8080", stock).stdout.strip()
    port = docker.run("port", container, "8080").stdout.strip().rpartition(":")[2]

    def ready() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/ping", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    follow = subprocess.Popen(
        ["docker", "wait", container], env=os.environ | docker.env, stdout=subprocess.DEVNULL
    )
    wait_for(ready, follow, Path(os.devnull))
    docker.run("rm", "--force", container)
    follow.wait(30)
