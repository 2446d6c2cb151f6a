"""What the workflows cost beside checkout, set-up and training: each run's steps, as the story test runs them.

    python benchmarks/workflows.py

Runs tests/e2e/workflows/test_story.py, which needs Docker, PostgreSQL and an image registry, and prints its steps. On GitHub,
checkout and set-up are the network's; here both are close to nothing and are left out. No ratio: the limits are seconds on one
machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LEFT_OUT = ("actions/checkout", "./.github/actions/setup", "Set up job", "Complete job", "Keep the outputs")
TRAINING = ("Run the pipeline",)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="lastro-bench-") as folder:
        file = Path(folder) / "timings.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:xdist",
            "tests/e2e/workflows/test_story.py",
        ]
        done = subprocess.run(command, env=os.environ | {"LASTRO_TIMINGS": str(file)})
        if done.returncode:
            return done.returncode
        for run in json.loads(file.read_text()):
            jobs = {
                job: sum(s["seconds"] for s in steps if not s["name"].startswith((*LEFT_OUT, *TRAINING)))
                for job, steps in run["jobs"].items()
            }
            print(
                f"{run['workflow']} ({run['event']}): {sum(jobs.values()):.1f} s beside set-up and training"
            )
            for job, steps in run["jobs"].items():
                for step in steps:
                    if step["seconds"] >= 0.5 and not step["name"].startswith(LEFT_OUT):
                        print(f"    {job:<12} {step['seconds']:6.1f} s  {step['name']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
