"""What a person waits for before a command begins: importing the command line, and its help."""

from __future__ import annotations

import argparse
import sys

from harness import ROOT, Command, compare, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once")
    times = 1 if parser.parse_args().quick else 15
    nothing = Command("python -c pass", [sys.executable, "-c", "pass"], ROOT)
    for name, line, goal in (
        ("python -c 'import lastro.cli'", [sys.executable, "-c", "import lastro.cli"], "0.15 s"),
        ("lastro --help", ["lastro", "--help"], "0.3 s"),
    ):
        measured = Command(name, line, ROOT)
        report("Command line", measured, nothing, compare(measured, nothing, times), goal)


if __name__ == "__main__":
    main()
