"""Everything that docs/performance.md quotes. `--quick`: whether it runs, not how fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = ("command_line.py", "pipeline.py", "intervals.py", "registry.py", "scale.py", "trace.py")


def main() -> None:
    for script in SCRIPTS:
        subprocess.run([sys.executable, str(Path(__file__).with_name(script)), *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
