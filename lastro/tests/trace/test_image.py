"""A chain entered by an image that lies in a real Docker engine, read from its labels."""

from __future__ import annotations

import pytest

from lastro.core.errors import LastroError
from lastro.operations.lineage import lineage
from lastro.operations.release.plan import promote
from lastro.operations.release.tags import ReleaseTag
from lastro.operations.release.trace import find_start, follow
from tests.docker_engine import Docker
from tests.registry.conftest import register

pytestmark = pytest.mark.e2e


def build(docker: Docker, tag: str, labels: dict[str, str]) -> str:
    """The id of an image that holds nothing but labels."""
    lines = ["FROM scratch", *(f'LABEL "{name}"="{value}"' for name, value in labels.items())]
    docker.run("build", "--quiet", "--tag", tag, "-", stdin="\n".join(lines))
    return docker.run("image", "inspect", "--format", "{{.Id}}", tag).stdout.strip()


def test_local_image_leads_to_its_chain(docker, registry, clone, monkeypatch):
    for name, value in docker.env.items():
        monkeypatch.setenv(name, value)
    register(registry, clone, "v1.1.0")
    head = lineage.read(clone.folder, "v1.1.0")
    labels = {"lastro.model": head.model, "org.opencontainers.image.revision": head.commit}
    image = build(docker, "example.test/team/model:1.1.0", labels)

    chain = follow(
        registry, clone.folder, find_start(registry, clone.folder, "example.test/team/model:1.1.0")
    )
    assert chain.start.model == head.model
    links = chain.to_json()["links"]
    assert (links["commit"]["commit"], links["image"]) == (head.commit, image)
    assert [link.name for link in chain.broken] == ["image"]
    assert "was never promoted" in chain.broken[0].problem

    promote(registry, clone.folder, ReleaseTag.parse("v1.1.0"), image=image, who="Test")
    for named in ("example.test/team/model:1.1.0", image):
        chain = follow(registry, clone.folder, find_start(registry, clone.folder, named))
        assert not chain.broken, named
        assert [release["release"] for release in chain.to_json()["links"]["release"]] == ["v1.1.0"]

    # A label is whatever the builder wrote: also an option of Git's that writes a file.
    victim = clone.folder / "victim"
    build(docker, "hostile:1", {"org.opencontainers.image.revision": f"--output={victim}"})
    with pytest.raises(LastroError, match=r"hostile:1: has no lastro.model"):
        find_start(registry, clone.folder, "hostile:1")
    assert not victim.exists()

    build(docker, "foreign:1", {"made-by": "somebody"})
    with pytest.raises(LastroError, match=r"foreign:1: has no lastro.model .* it was not built by lastro"):
        find_start(registry, clone.folder, "foreign:1")
    with pytest.raises(LastroError, match=r"example.test/none:1: .* is not on this machine; docker pull it"):
        find_start(registry, clone.folder, "example.test/none:1")
