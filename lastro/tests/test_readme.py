"""README.md and README.pt-BR.md say the same, as far as a program can tell."""

from __future__ import annotations

import re

import pytest

LANGUAGES = ("README.md", "README.pt-BR.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def pages(root) -> list[str]:
    return [(root / name).read_text(encoding="utf-8") for name in LANGUAGES]


def prose(page: str) -> str:
    return BLOCK.sub("", page)


def blocks(page: str) -> list[tuple[str, list[str]]]:
    """Language and lines; of a tree only what comes before a line's explanation, which is translated."""
    found = [(kind, text.splitlines()) for kind, text in BLOCK.findall(page)]
    return [
        (
            kind,
            [re.split(r"(?<=\S)\s{2,}", line)[0] for line in lines]
            if any("─►" in li for li in lines)
            else lines,
        )
        for kind, lines in found
    ]


def both(pages, part) -> None:
    english, portuguese = map(part, pages)
    assert portuguese == english


def test_headings_have_the_same_levels(pages):
    both(pages, lambda page: re.findall(r"^(#+) ", prose(page), re.MULTILINE))


def test_blocks_of_code_are_the_same(pages):
    both(pages, blocks)


def test_tables_have_the_same_shape(pages):
    both(pages, lambda page: [line.count("|") for line in prose(page).splitlines() if line.startswith("|")])


def test_links_and_pictures_lead_to_the_same_places(pages):
    def targets(page: str) -> list[str]:
        found = re.findall(r"\]\(([^)]+)\)", page)
        return ["the other language" if target in LANGUAGES else target for target in found]

    both(pages, targets)


def test_commands_and_files_in_the_text_are_the_same(pages):
    both(pages, lambda page: sorted(re.findall(r"`[^`\n]+`", prose(page))))


def test_paragraphs_follow_each_other_in_the_same_order(pages):
    def kinds(page: str) -> list[str]:
        parts = re.split(r"\n\n+", page.strip())
        return [part[0] if part[0] in "#|!`" else "text" for part in parts]

    both(pages, kinds)
