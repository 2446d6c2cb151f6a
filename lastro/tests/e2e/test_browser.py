"""What people look at, in a real browser, light and dark.

LASTRO_PICTURES names a folder for the screenshots; without it they go with the test's own folder.
"""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from lastro.operations.tracking.figures import write_figures
from tests.browser import Inspector, chromium, install_packages, served
from tests.clones import Clone, make_clone
from tests.servers import free_port, need, wait_for
from tests.serving.conftest import log_model

pytestmark = pytest.mark.e2e

SCHEMES = ("light", "dark")
PHONE = 390
THEIRS = ("scrollable-region-focusable",)
"""The box that a wide table scrolls in is GitHub's, or the theme's, to fix."""
GITHUB = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Report</title><style>{style}</style>
<style>body {{ margin: 0 }} .markdown-body {{ box-sizing: border-box; max-width: 900px; margin: auto; padding: 24px }}</style>
<main class="markdown-body"></main><script>{marked}</script><script>{mermaid}</script>"""
RENDER = """async ([text, theme]) => {
  const place = document.querySelector('.markdown-body');
  place.innerHTML = marked.parse(text, {gfm: true});
  for (const details of place.querySelectorAll('details')) details.open = true;
  mermaid.initialize({startOnLoad: false, theme});
  for (const code of place.querySelectorAll('code.language-mermaid')) {
    const {svg} = await mermaid.render('m' + Math.random().toString(36).slice(2), code.textContent);
    code.parentElement.outerHTML = `<div>${svg}</div>`;
  }
}"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> Path:
    return install_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def inspector(packages, tmp_path_factory) -> Inspector:
    folder = os.environ.get("LASTRO_PICTURES")
    pictures = Path(folder) if folder else tmp_path_factory.mktemp("pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    axe = (packages / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    with chromium() as browser:
        yield Inspector(browser, pictures, axe)


@pytest.fixture(scope="module")
def clone(root, tmp_path_factory) -> Clone:
    """On a branch whose params.yaml, and so model, differs from main's."""
    clone = make_clone(root, tmp_path_factory.mktemp("browser_packages"))
    clone.run("dvc", "repro", "--quiet")
    clone.run("git", "switch", "--quiet", "--create", "deeper")
    clone.edit("params.yaml", "max_depth: 3", "max_depth: 4")
    clone.edit("params.yaml", "  slices: []", "  slices: []  # a comment")
    clone.run("dvc", "repro", "--quiet")
    clone.commit("Deeper trees")
    return clone


@pytest.fixture(scope="module")
def site(root, tmp_path_factory) -> Path:
    """The built documentation."""
    need((Path(sys.executable).parent / "mkdocs").exists(), "MkDocs (make site)")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(
        command, cwd=root / "lastro", check=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "true"}
    )
    return folder


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", PHONE)])
def test_documentation(inspector, site, scheme, width):
    pages = sorted(page.parent.relative_to(site).as_posix() for page in site.rglob("index.html"))
    assert len(pages) > 15
    if scheme == "dark":
        # The colours are the theme's, on each page the same.
        pages = pages[::4]
    trouble = []
    with served(site) as address, inspector.page(scheme, width) as page:
        for name in pages:
            page.goto(f"{address}/{name}/", wait_until="load")
            try:
                inspector.judge(page, f"docs-{name.replace('.', 'index')}-{width}-{scheme}", without=THEIRS)
            except AssertionError as found:
                trouble.append(str(found))
    assert not trouble, "\n".join(trouble)


def test_documentation_is_searched_without_another_host(inspector, site):
    with served(site) as address, inspector.page() as page:
        page.goto(address)
        page.get_by_role("textbox", name="Search").press_sequentially("rollback")
        page.locator(".md-search-result__link", has_text="Rolling back").first.wait_for()
        assert not inspector.trouble


@pytest.fixture(scope="module")
def scoring_app(root, tmp_path_factory):
    """The address of the app that the image runs, with a model of three classes and every kind of column."""
    folder = tmp_path_factory.mktemp("app")
    model, _, _ = log_model(root, folder, "xgboost", "three")
    release = {"name": "houses", "release": "v1.2.0", "version": 7, "commit": "0" * 40, "model": "1" * 32}
    (folder / "release.json").write_text(json.dumps({**release, "created": "2026-11-25T12:00:00Z"}))
    port, log = free_port(), folder / "log"
    settings = {
        "MODEL": model,
        "RELEASE": folder / "release.json",
        "HOST": "127.0.0.1",
        "PORT": port,
        "WORKERS": 1,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "lastro.serving"],
        env={**os.environ, **{f"LASTRO_{name}": str(value) for name, value in settings.items()}},
        cwd=folder,
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return urllib.request.urlopen(f"{address}/ping", timeout=2).status == 200
        except OSError:
            return False

    try:
        wait_for(answers, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("width", [1280, PHONE])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_page_of_the_scoring_app(inspector, scoring_app, scheme, width):
    with inspector.page(scheme, width) as page:
        page.goto(f"{scoring_app}/docs")
        page.get_by_role("button", name="Send").click()
        page.get_by_text("probability_low").last.wait_for()
        assert page.locator("#out").inner_text().startswith("200")
        inspector.judge(page, f"app-{width}-{scheme}")
        page.locator("#body").fill("{}")
        page.get_by_role("button", name="Send").click()
        page.get_by_text("BAD_FORM").wait_for()
        # Chromium itself notes an answer of 400.
        inspector.trouble.clear()


@pytest.fixture(scope="module")
def report(clone) -> str:
    return clone.run("lastro", "report", "--base", "main").stdout


@pytest.mark.parametrize("width", [1280, PHONE])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_report_as_github_shows_it(inspector, packages, report, scheme, width):
    def read(*parts: str) -> str:
        return packages.joinpath(*parts).read_text(encoding="utf-8")

    frame = GITHUB.format(
        style=read("github-markdown-css", "github-markdown.css"),
        marked=read("marked", "lib", "marked.umd.js"),
        mermaid=read("mermaid", "dist", "mermaid.min.js"),
    )
    with inspector.page(scheme, width) as page:
        page.set_content(frame)
        page.evaluate(RENDER, [report, "dark" if scheme == "dark" else "default"])
        assert page.locator("svg").count() >= 3
        assert page.locator("code.language-mermaid").count() == 0
        inspector.judge(page, f"report-{width}-{scheme}", without=THEIRS)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_plots_of_a_run(inspector, root, clone, tmp_path, scheme):
    (tmp_path / "regression").mkdir()
    _, paths, _ = log_model(root, tmp_path / "regression", "hist_gradient_boosting", "regression")
    figures = []
    for name, plots in (("breast cancer", clone.folder / "reports" / "plots"), ("regression", paths.plots)):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        write_figures(plots, folder)
        figures += [(f"{name}: {path.stem}", path) for path in sorted(folder.glob("*.png"))]
    assert len(figures) >= 10
    pictures = "".join(
        f'<img width="420" alt="{html.escape(name)}" src="{path.relative_to(tmp_path)}"> '
        for name, path in figures
    )
    style = "<style>:root{color-scheme:light dark}</style>"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Plots</title>{style}'
    (tmp_path / "index.html").write_text(f"{head}<main>{pictures}</main>")
    with served(tmp_path) as address, inspector.page(scheme) as page:
        page.goto(address)
        inspector.judge(page, f"plots-{scheme}")
