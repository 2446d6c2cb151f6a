"""The machine's Chromium, and what is asked of every page that people look at."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers import need

PACKAGES = Path(__file__).parent / "e2e" / "browser_packages"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
"""Contrast, alternative texts, labels, languages: what axe-core calls these."""


@contextmanager
def chromium() -> Iterator:
    """A headless browser. What it lacks is a reason to skip, see `need`."""
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    need(program, "Chromium")
    from playwright.sync_api import sync_playwright

    # Chromium's sandbox refuses to be started by root, as tests in a container are.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


def install_packages(folder: Path) -> Path:
    """The locked npm packages of `PACKAGES`, below `folder`."""
    need(shutil.which("npm"), "npm")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(PACKAGES / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "node_modules"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder of files, on loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Not among the tests' output."""

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Inspector:
    """Opens pages and holds them against what every page owes its reader.

    pictures: where the screenshots go. axe: source of axe-core.
    """

    browser: object
    pictures: Path
    axe: str
    trouble: list[str] = field(default_factory=list)

    @contextmanager
    def page(self, scheme: str = "light", width: int = 1280, height: int = 900) -> Iterator:
        """A page that reaches loopback only, and notes errors."""
        context = self.browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        context.route("**/*", self._local_only)
        page = context.new_page()
        page.on("console", lambda said: said.type == "error" and self.trouble.append(said.text))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        try:
            yield page
        finally:
            context.close()

    def _local_only(self, route) -> None:
        parts = urlsplit(route.request.url)
        if parts.hostname in (None, "127.0.0.1"):
            route.continue_()
        else:
            self.trouble.append(f"asked another host: {route.request.url}")
            route.abort()

    def judge(self, page, name: str, without: tuple[str, ...] = ()) -> None:
        """Raises AssertionError, with all that is wrong with the page as it is now. without: rules of axe-core."""
        page.screenshot(path=self.pictures / f"{name}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            self.trouble.append(f"{wide} pixels too wide")
        self.trouble += page.evaluate(
            "[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => `no picture: ${i.src}`)"
        )
        page.evaluate(self.axe)
        rules = {rule: {"enabled": False} for rule in without}
        found = page.evaluate("options => axe.run(options)", {"runOnly": RULES, "rules": rules})
        for violation in found["violations"]:
            for node in violation["nodes"][:3]:
                self.trouble.append(f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:300]}")
        trouble, self.trouble = self.trouble, []
        assert not trouble, f"{name}:\n" + "\n".join(trouble)
