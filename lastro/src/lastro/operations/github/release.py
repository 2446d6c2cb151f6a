"""Make or refresh the release on GitHub as a draft, fill it with files, then publish it; idempotent."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lastro.core.errors import LastroError, readable
from lastro.core.markdown import code
from lastro.operations.github.client import SECONDS, GitHub
from lastro.operations.release.tags import ReleaseTag

NOTES = "notes.md"
MARKER = "<!-- lastro history "


def publish(github: GitHub, tag: ReleaseTag, folder: Path) -> str:
    """Publish the release of a tag with the notes and files of a folder; its address.

    A line that a rollback has added to an earlier text is kept. An immutable release that is published keeps its files:
    GitHub takes title and text alone.

    Raises:
        LastroError: the folder has no notes.
    """
    with readable(folder / NOTES, f"lastro notes {tag}"):
        text = (folder / NOTES).read_text(encoding="utf-8")
    found = _find(github, str(tag))
    _, marker, history = ((found or {}).get("body") or "").partition(MARKER)
    content = {
        "tag_name": str(tag),
        "name": str(tag),
        "body": text + (f"\n{marker}{history}" if marker else ""),
        "prerelease": tag.candidate is not None,
    }
    if found is None:
        found = github.send("POST", "/releases", {**content, "draft": True})
    else:
        found = github.send("PATCH", f"/releases/{found['id']}", content)
        if found.get("immutable") and not found["draft"]:
            return found["html_url"]
    there = {asset["name"]: asset["id"] for asset in found["assets"]}
    where = found["upload_url"].partition("{")[0]
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != NOTES:
            if path.name in there:
                github.send("DELETE", f"/releases/assets/{there[path.name]}", None)
            kind = {"Content-Type": mimetypes.guess_type(path.name)[0] or "application/octet-stream"}
            name, content = quote(path.name), path.read_bytes()
            github.call("POST", f"{where}?name={name}", 10 * SECONDS, data=content, headers=kind)
    final = {"draft": False, "make_latest": "true" if _is_newest(github, tag) else "false"}
    return github.send("PATCH", f"/releases/{found['id']}", final)["html_url"]


def note(github: GitHub, tag: str, number: str, text: str) -> bool:
    """Add one line to the text of a release, once for each entry of the history; False where there is no release."""
    found = _find(github, tag)
    if found is None:
        return False
    body, marker = found["body"] or "", f"{MARKER}{number} -->"
    if marker not in body:
        line = f"\n{marker}\n> {text}\n"
        github.send("PATCH", f"/releases/{found['id']}", {"body": body.rstrip() + "\n" + line})
    return True


def rolled_back(who: str, reason: str, source: str, target: str) -> tuple[str, str]:
    """Return the line for the release that was left, and the one for the release that is in production again."""
    by = f"by {code(who, 100)}: {code(reason)}"
    return f"Rolled back to {target} {by}", f"In production again, after {source}, {by}"


def _is_newest(github: GitHub, tag: ReleaseTag) -> bool:
    """Return whether no published release is newer: one that is published again late must not become the latest."""
    if tag.candidate is not None:
        return False
    published = (r["tag_name"] for r in github.pages("/releases") if not r["draft"] and not r["prerelease"])
    return all(other <= tag for other in map(_parsed, published) if other is not None)


def _parsed(name: str) -> ReleaseTag | None:
    try:
        return ReleaseTag.parse(name)
    except LastroError:
        # Somebody's own release: it has no place in the order.
        return None


def _find(github: GitHub, tag: str) -> dict[str, Any] | None:
    """Find a release by its tag, drafts too, which GitHub does not find so."""
    found = github.get(f"/releases/tags/{quote(tag, safe='')}", missing_ok=True)
    return found or next((r for r in github.pages("/releases") if r["tag_name"] == tag), None)
