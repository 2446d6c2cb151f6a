"""Record a stage's run in a process beside the stage, which imports MLflow and opens the store meanwhile.

Importing MLflow and its SQL store takes longer than a small training. The process reads the stage's outputs, with the
code that `lastro sync` uses, so a run that was lost is rebuilt as it was.

Protocol: the child writes one JSON object a line on its standard output ({"ready": true}, {"run": ...} or
{"error": ...}); the parent writes one line on its standard input ("record" or "record RUN_ID"), or closes it to cancel.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from lastro.core.errors import ExternalError, LastroError
from lastro.core.paths import Paths
from lastro.operations.tracking import address

MAXIMUM_SECONDS = 60.0
"""The child gives a server up after a few seconds; this bounds what it did not foresee."""


class Recorder:
    """The recorder of one stage. Use as a context manager; leaving it without `finish` records nothing."""

    def __init__(self, paths: Paths, stage: Literal["train", "evaluate"], trial: bool = False):
        self.off = os.environ.get("LASTRO_TRACKING") == "off"
        self.trial = trial
        if self.off:
            return
        task = {"stage": stage, "root": str(paths.root), "outputs": str(paths.outputs), "trial": trial}
        command = [sys.executable, "-m", "lastro.operations.tracking.recorder", json.dumps(task)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = ThreadPoolExecutor(1)
        self._first = self._reader.submit(self._read)

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"error": "the recorder ended without a word"}

    def wait_until_ready(self, always: bool = False) -> None:
        """Wait, before the work, until a remote store has answered; for a local one only if `always`.

        Raises:
            LastroError: MLFLOW_TRACKING_URI is no address.
            ExternalError: it refused, or did not answer.
        """
        remote = not self.off and address.is_remote(address.configured())
        if self.off or not (always or remote):
            return
        try:
            # Creating a local store has no time limit.
            reply = self._first.result(MAXIMUM_SECONDS if remote else None)
        except TimeoutError:
            problem = f"no answer within {MAXIMUM_SECONDS:g} s; start the server or unset it"
            reply = {"error": f"MLFLOW_TRACKING_URI: {problem}"}
        if "error" in reply:
            self._process.kill()
            raise ExternalError(reply["error"])

    def finish(self, run_id: str | None = None) -> None:
        """Record the stage's outputs, after the work, into the run `run_id` if autologging began one.

        Prints where the run is, or why it is incomplete and the fix; the outputs are safe either way.
        """
        reply = {"error": "tracking is off (LASTRO_TRACKING=off)"} if self.off else self._record(run_id)
        if "error" not in reply:
            print(f"run: {reply['run']}")
            return
        fix = "the trial is not recorded: run it again" if self.trial else "`lastro sync` completes it"
        print(f"warning: the run is incomplete: {reply['error']}; {fix}", file=sys.stderr)

    def _record(self, run_id: str | None) -> dict[str, Any]:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"record {run_id or ''}".strip() + "\n")
            self._process.stdin.flush()
        reply = self._first.result()
        if "ready" in reply:
            reply = self._read()
        self._process.wait()
        return reply

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        if self.off:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        if failure is not None:
            self._process.terminate()
        self._process.wait()
        self._reader.shutdown()
        self._process.stdout.close()


def main() -> None:
    """Run the child process; see the protocol above."""
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
            autologged = command[1] if len(command) > 1 else None
            reply(run=record.record(tracked, paths, task["stage"], autologged, task["trial"]))
    except LastroError as error:
        reply(error=str(error))
    except Exception as error:
        reply(error=store.describe(error))


if __name__ == "__main__":
    main()
