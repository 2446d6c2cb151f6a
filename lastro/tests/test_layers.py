"""Imports go down the staircase only: between the rooms of the package, and between those of operations."""

from __future__ import annotations

import ast
from pathlib import Path

import lastro

PACKAGE = Path(lastro.__file__).parent
STAIRCASE = ("core", "artifact", "tables", "families", "evaluation", "operations", "cli")
"""From the lowest to the highest. `artifact` needs nothing of the others, since it travels with a model."""
OPERATIONS = ("lineage", "tracking", "registry", "release", "image", "report", "github")
ENTRY_POINTS = {"__init__", "project"}


def imports(file: Path) -> set[str]:
    """The modules of lastro that a file imports, as dotted names without `lastro.`."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                base = file.relative_to(PACKAGE.parent).parts[: -node.level]
                module = ".".join([*base, module]).rstrip(".")
            found |= {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.removeprefix("lastro.") for name in found if name.startswith("lastro.")}


def arrows(folder: Path, prefix: str = "") -> set[tuple[str, str]]:
    """(room, room that it imports) below `folder`."""
    found = set()
    for file in sorted(folder.rglob("*.py")):
        room = file.relative_to(folder).parts[0].removesuffix(".py")
        for name in imports(file):
            if name.startswith(prefix):
                other = name.removeprefix(prefix).split(".")[0]
                if other != room:
                    found.add((room, other))
    return found


def test_imports_go_down_only():
    for room, other in arrows(PACKAGE):
        if room in ENTRY_POINTS or (room, other) == ("cli", "project"):
            continue
        if room == "serving":
            # The image holds serving and artifact alone.
            assert other == "artifact", f"{room} imports {other}"
            continue
        assert other in STAIRCASE[: STAIRCASE.index(room)], f"{room} imports {other}"


def test_imports_within_operations_go_down_only():
    for room, other in arrows(PACKAGE / "operations", "operations."):
        assert other in OPERATIONS[: OPERATIONS.index(room)], f"operations.{room} imports operations.{other}"


def test_no_logic_in_a_package_file_and_no_module_beside_the_rooms():
    for file in PACKAGE.rglob("__init__.py"):
        body = ast.parse(file.read_text()).body
        assert all(isinstance(node, ast.Expr) for node in body), f"{file}: holds more than its docstring"
    assert {file.stem for file in PACKAGE.glob("*.py")} == ENTRY_POINTS
