"""Where a message says that a page of the documentation is: a place that its reader has."""

from __future__ import annotations

import json
import os
import re
from importlib import metadata
from pathlib import Path

import pytest

import lastro
from lastro.core import paths

COMMIT = "0" * 40


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """The package away from a checkout, installed from what pip records in direct_url.json."""

    class Distribution:
        def read_text(self, name: str) -> str | None:
            return None if record is None else json.dumps(record)

    def install(content: dict | None) -> None:
        nonlocal record
        record = content

    record = None
    monkeypatch.setattr(paths, "DOCS", tmp_path / "nothing")
    monkeypatch.setattr(metadata, "distribution", lambda name: Distribution())
    return install


def test_in_a_checkout_it_is_the_file(monkeypatch, root):
    monkeypatch.chdir(root)
    assert paths.page("server.md") == os.path.join("lastro", "docs", "server.md")
    monkeypatch.chdir(root / "data")
    assert (root / "data" / paths.page("server.md")).is_file()


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://github.com/acme/lastro", "https://github.com/acme/lastro"),
        ("https://github.com/acme/lastro.git", "https://github.com/acme/lastro"),
        (
            "https://user:secret@git.example.com:8443/acme/lastro.git",
            "https://git.example.com:8443/acme/lastro",
        ),
        ("ssh://git@github.com/acme/lastro.git", "https://github.com/acme/lastro"),
        ("ssh://git@git.example.com:2222/acme/lastro.git", "https://git.example.com/acme/lastro"),
    ],
)
def test_from_git_it_is_the_page_of_that_commit(installed, url, site):
    installed({"url": url, "vcs_info": {"vcs": "git", "commit_id": COMMIT}})
    assert paths.page("server.md") == f"{site}/blob/{COMMIT}/lastro/docs/server.md"


def test_from_a_folder_it_is_a_file_in_it(installed, tmp_path):
    page = tmp_path / "my lastro" / "lastro" / "docs" / "server.md"
    page.parent.mkdir(parents=True)
    page.touch()
    source = (tmp_path / "my lastro").as_uri()
    installed({"url": source, "vcs_info": {"vcs": "git", "commit_id": COMMIT}})
    assert paths.page("server.md") == str(page)


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"url": "https://example.com/lastro-0.3.0-py3-none-any.whl", "archive_info": {}},
        {"url": "file:///gone", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
    ],
)
def test_elsewhere_it_says_whose_page_it_is(installed, record):
    installed(record)
    assert paths.page("server.md") == "lastro/docs/server.md in Lastro's repository"


def test_no_message_names_a_page_by_itself():
    """A new repository has no folder docs/: every page is named by `page`."""
    source = Path(lastro.__file__).parent
    named = re.compile(r"docs/[a-z-]+\.md")
    assert [str(file) for file in source.rglob("*.py") if named.search(file.read_text())] == []


def test_every_page_that_is_named_exists():
    source = Path(lastro.__file__).parent
    pattern = re.compile(r"""\bpage\(["']([a-z-]+\.md)["']\)""")
    named = {name for file in source.rglob("*.py") for name in pattern.findall(file.read_text())}
    assert named
    assert [name for name in named if not (paths.DOCS / name).is_file()] == []
