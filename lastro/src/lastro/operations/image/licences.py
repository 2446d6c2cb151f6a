"""The licences of what an image holds, in one text: each once, with the names of all that it covers."""

from __future__ import annotations

import re
from email.parser import Parser

from lastro.operations.image.contents import Contents
from lastro.operations.image.sbom import normalize

FILE = "licences.txt"
_NAMES = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|AUTHORS)", re.IGNORECASE)
_FOLDERS = ("licenses", "license_files")
_RULE = "=" * 100


def collect(contents: Contents, declared: dict[str, str]) -> str:
    """The text. declared: what each Python package says that its licence is, by normalized name."""
    covered: dict[str, list[str]] = {}
    without = []
    for title, texts in [*_python(contents, declared), *_packages(contents, declared), *_debian(contents)]:
        if not texts:
            without.append(title)
        for text in texts:
            covered.setdefault(text.strip(), []).append(title)
    parts = [
        f"{_RULE}\n{chr(10).join(dict.fromkeys(titles))}\n{_RULE}\n\n{text}\n"
        for text, titles in covered.items()
    ]
    if without:
        listed = "\n".join(f"  {title}" for title in without)
        parts.append(f"{_RULE}\nInstalled without a text of a licence\n{_RULE}\n\n{listed}\n")
    return "\n".join(parts)


def _python(contents: Contents, declared: dict[str, str]) -> list[tuple[str, list[str]]]:
    texts = [
        contents.text(path) or ""
        for path in contents.files
        if path.endswith("/LICENSE.txt") and "/python3" in path and ".dist-info/" not in path
    ]
    return [("Python", texts)]


def _packages(contents: Contents, declared: dict[str, str]) -> list[tuple[str, list[str]]]:
    found = []
    for folder, paths in contents.distributions().items():
        about = Parser().parsestr(contents.text(f"{folder}/METADATA") or "", headersonly=True)
        name, version = about.get("Name", folder), about.get("Version", "")
        terms = declared.get(normalize(name), "")
        inner = [path.removeprefix(f"{folder}/") for path in paths]
        texts = [
            contents.text(f"{folder}/{path}") or ""
            for path in inner
            if path.split("/")[0] in _FOLDERS or _NAMES.match(path)
        ]
        found.append((f"{name} {version} (Python package){f': {terms}' if terms else ''}", texts))
    return found


def _debian(contents: Contents) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = [
        (f"{each.name} {each.version} (Debian package)", [each.copyright] if each.copyright else [])
        for each in contents.debian()
    ]
    # Debian's copyright files point at these.
    folder = "usr/share/common-licenses/"
    named = [path for path in sorted({*contents.files, *contents.links}) if path.startswith(folder)]
    return found + [(f"/{path}", [text]) for path in named if (text := contents.text(path))]
