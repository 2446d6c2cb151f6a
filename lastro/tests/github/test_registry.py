"""A registry behind the tokens' `packages`."""

from __future__ import annotations

import hashlib
import shutil
import subprocess

import pytest
import requests

from tests.servers import free_port, need, wait_for

pytestmark = pytest.mark.e2e


@pytest.fixture
def registry(github, tmp_path):
    """github with a registry behind it."""
    need(shutil.which("docker-registry"), "docker-registry")
    port, log = free_port(), tmp_path / "registry.log"
    config = tmp_path / "registry.yml"
    config.write_text(
        f"version: 0.1\nhttp: {{addr: 127.0.0.1:{port}}}\nstorage: {{filesystem: {{rootdirectory: {tmp_path / 'blobs'}}}}}\n"
    )
    command = ["docker-registry", "serve", str(config)]
    process = subprocess.Popen(command, stdout=log.open("wb"), stderr=subprocess.STDOUT)

    def answers() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/v2/", timeout=2).ok
        except OSError:
            return False

    wait_for(answers, process, log)
    github.registry = f"127.0.0.1:{port}"
    yield github
    process.terminate()
    process.wait(30)


def test_pushing_needs_packages_write(registry, model):
    data = b"layer" * 500_000
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    writer, reader, other = (
        ("x-access-token", registry.job_token("acme/model", permissions).value)
        for permissions in ({"packages": "write"}, {"packages": "read"}, {"contents": "write"})
    )
    blobs = f"http://{registry.host}/v2/acme/model/blobs"
    assert (
        requests.get(f"http://{registry.host}/v2/", timeout=30)
        .headers["WWW-Authenticate"]
        .startswith("Basic")
    )
    assert requests.post(f"{blobs}/uploads/", auth=reader, timeout=30).status_code == 403
    started = requests.post(f"{blobs}/uploads/", auth=writer, timeout=30)
    assert registry.host in started.headers["Location"]
    halves = (data[i : i + 65536] for i in range(0, len(data), 65536))
    sent = requests.patch(started.headers["Location"], data=halves, auth=writer, timeout=30)
    assert sent.status_code == 202
    done = requests.put(sent.headers["Location"], params={"digest": digest}, auth=writer, timeout=30)
    assert done.status_code == 201
    assert requests.get(f"{blobs}/{digest}", auth=reader, timeout=30).content == data
    assert requests.head(f"{blobs}/{digest}", auth=reader, timeout=30).headers["Content-Length"] == str(
        len(data)
    )
    assert requests.get(f"{blobs}/{digest}", auth=other, timeout=30).status_code == 403
