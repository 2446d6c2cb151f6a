"""Every command that the documentation shows is run here, in the order shown."""

from __future__ import annotations

import os
import random
import re
import subprocess
import time
import urllib.request
from pathlib import Path

import click
import pytest

from tests.clones import Clone, link_environment, make_clone
from tests.servers import free_port

pytestmark = pytest.mark.e2e

PAGES = (
    "README.md",
    "lastro/docs/index.md",
    "lastro/docs/concepts.md",
    "lastro/docs/drift.md",
    "lastro/docs/github.md",
)
"""Each command stands for itself: what it changes in tracked files is undone after it."""
STORIES = tuple(f"lastro/docs/{name}.md" for name in ("start", "data", "family", "releasing", "rolling-back"))
"""Each command goes on from the one before it, in a clone of the page's own."""
RUN_BY_CI = {"make test", "make lint"}
"""`.ci/run` runs these; here they would run this test, or need more than a clone."""
BLOCK = re.compile(r"^ *```(?P<kind>\w+)(?P<title>[^\n]*)\n(?P<text>.*?)^ *```", re.MULTILINE | re.DOTALL)


def lines(page: Path, kind: str) -> list[str]:
    """The lines of the page's blocks of one kind."""
    blocks = [found["text"] for found in BLOCK.finditer(page.read_text()) if found["kind"] == kind]
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def pages(root: Path) -> list[Path]:
    return [root / "README.md", *sorted(root.glob("lastro/docs/**/*.md"))]


def write_customers(folder: Path) -> None:
    """A table as docs/data.md names it."""
    rng = random.Random(7)
    rows = ["customer_id,age,plan,since,notes,churned"]
    for i in range(300):
        age, plan = rng.randint(18, 80), rng.choice(["basic", "plus", ""])
        churned = age + rng.gauss(0, 12) + (15 if plan == "basic" else 0) > 55
        since = f"20{rng.randint(10, 25)}-0{rng.randint(1, 9)}-15"
        rows.append(f"C{i:05},{age},{plan},{since},said {rng.random()},{'yes' if churned else 'no'}")
    (folder / "customers.csv").write_text("\n".join(rows) + "\n")


def make_ready(root: Path, folder: Path) -> Clone:
    """A clone that has the environment that `make repro` would install, and a home with a table in it."""
    home = folder / "home"
    home.mkdir()
    write_customers(home)
    made = make_clone(root, folder / "clone", {"HOME": str(home)})
    link_environment(made.folder / ".venv")
    return made


def run(clone: Clone, command: str) -> None:
    if command in RUN_BY_CI:
        assert command.removeprefix("make ") in clone.read(".ci/run")
        return
    clone.run("bash", "-c", command)


@pytest.fixture(scope="module")
def clone(root, tmp_path_factory) -> Clone:
    return make_ready(root, tmp_path_factory.mktemp("docs"))


def test_every_page_is_looked_at(root):
    shown = {str(page.relative_to(root)) for page in pages(root) if lines(page, "sh")}
    assert shown <= {*PAGES, *STORIES}


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page(page, clone):
    for command in lines(clone.folder / page, "sh"):
        run(clone, command)
        # What a command changed must not decide how the next one works.
        clone.run("git", "checkout", "-q", ".")
        clone.run("dvc", "checkout", "-q", "--force", check=False)


@pytest.mark.parametrize("page", STORIES)
def test_story_of_a_page(page, root, tmp_path):
    clone = make_ready(root, tmp_path)
    write_files(clone, page)
    for command in lines(clone.folder / page, "sh"):
        run(clone, command)


def write_files(clone: Clone, page: str) -> None:
    """What a block titled with a path says the file holds; after a first line, `# ...` and more lines it is added."""
    for block in BLOCK.finditer(clone.read(page)):
        title = re.search(r'title="([^"]+)"', block["title"])
        if title is None:
            continue
        first, *rest = block["text"].splitlines(keepends=True)
        if rest[0].strip() == "# ...":
            old = clone.read(title[1])
            start = old.index(first)
            end = old.index("\n}", start) + 1
            clone.write(title[1], old[:end] + "".join(rest[1:-1]) + old[end:])
        else:
            clone.write(title[1], block["text"])


def make_targets(root: Path) -> set[str]:
    """The targets of the Makefile, and of the package's."""
    files = (root / "Makefile", root / "lastro" / "package.mk")
    return {
        name for file in files for name in re.findall(r"^([a-z][a-z0-9-]*):", file.read_text(), re.MULTILINE)
    }


def test_commands_that_need_more_than_a_machine_exist(root):
    """What is shown behind a `$` is not run here; it names commands, options and targets that there are."""
    from lastro.cli.main import cli

    targets = make_targets(root)
    for page in pages(root):
        for line in lines(page, "console"):
            words = line.removeprefix("$ ").split()
            if line.startswith("$ lastro "):
                command, context = cli, click.Context(cli)
                while isinstance(command, click.Group):
                    words = words[1:]
                    command = command.get_command(context, words[0])
                    assert command, f"{page.name}: {line}"
                known = {name for parameter in command.params for name in parameter.opts}
                unknown = {word for word in words if word.startswith("--")} - known
                assert not unknown, f"{page.name}: {line}: {unknown}"
            elif line.startswith("$ make "):
                assert words[1] in targets, f"{page.name}: {line}"


def test_every_target_of_make_is_documented(clone):
    targets = make_targets(clone.folder)
    helped = set(re.findall(r"^  make ([a-z0-9-]+) ", clone.run("make", "help").stdout, re.MULTILINE))
    assert helped == targets


def test_links_between_pages_lead_somewhere(root):
    for page in [*pages(root), root / "README.pt-BR.md"]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
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
