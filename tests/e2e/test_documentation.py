"""Every command that the documentation shows is run here, in the order shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.clones import Clone, make_clone
from tests.servers import free_port

pytestmark = pytest.mark.e2e

PAGES = ("README.md", "docs/data.md", "docs/performance.md")
RUN_BY_CI = {"make test"}
"""`.ci/run` runs these; here they would run this test."""


def commands(page: Path) -> list[str]:
    """The lines of the page's shell blocks."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def clone(root, tmp_path_factory) -> Clone:
    """A clone that has the environment that `make repro` would install."""
    made = make_clone(root, tmp_path_factory.mktemp("docs"))
    (made.folder / ".venv").symlink_to(sys.prefix)
    for stamp in ("python", "runtime", "dev"):
        if (Path(sys.prefix) / stamp).exists():
            os.utime(Path(sys.prefix) / stamp)
    return made


def test_every_page_is_looked_at(root):
    shown = {str(p.relative_to(root)) for p in [root / "README.md", *root.glob("docs/*.md")] if commands(p)}
    assert shown <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page(page, clone):
    for command in commands(clone.folder / page):
        if command in RUN_BY_CI:
            assert command.removeprefix("make ") in clone.read(".ci/run")
            continue
        if command.startswith(("make bench", "python benchmarks/")):
            command += " ARGS=--quick" if command.startswith("make") else " --quick"
        clone.run("bash", "-c", command)
        # What a command changed must not decide how the next one works.
        clone.run("git", "checkout", "-q", ".")
        clone.run("dvc", "checkout", "-q", "--force", check=False)


def test_every_target_of_make_is_documented(clone):
    targets = set(re.findall(r"^([a-z][a-z-]*):", clone.read("Makefile"), re.MULTILINE))
    helped = set(re.findall(r"^  make ([a-z-]+) ", clone.run("make", "help").stdout, re.MULTILINE))
    assert helped == targets


def test_links_between_pages_lead_somewhere(root):
    for page in [root / "README.md", *root.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_ui_opens_on_the_embedded_store(clone):
    port = free_port()
    log = clone.folder / "ui.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "ui", f"PORT={port}"],
            cwd=clone.folder,
            env=clone.env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as page:
                    assert b"MLflow" in page.read()
                    return
            except OSError:
                time.sleep(0.2)
        pytest.fail(log.read_text()[-2000:])
    finally:
        os.killpg(process.pid, 9)
        process.wait()
