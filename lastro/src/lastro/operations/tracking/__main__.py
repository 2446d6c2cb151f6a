"""The side-car's process; see `lastro.operations.tracking.recorder` for the protocol."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from lastro.core.errors import LastroError
from lastro.core.paths import Paths


def main() -> None:
    task = json.loads(sys.argv[1])
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    # What libraries print must not reach the parent as a reply.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def reply(**content: object) -> None:
        replies.write(json.dumps(content) + "\n")

    paths = Paths(Path(task["root"]), Path(task["outputs"]))
    try:
        from lastro.operations.tracking import record, store

        tracked = store.open_store(paths.root)
        reply(ready=True)
        record.warm_up(paths, task["stage"])
        command = sys.stdin.readline().split()
        if command:
            adopted = command[1] if len(command) > 1 else None
            reply(run=record.record(tracked, paths, task["stage"], adopted, task["trial"]))
    except LastroError as error:
        reply(error=str(error))
    except Exception as error:
        reply(error=store.describe(error))


if __name__ == "__main__":
    main()
