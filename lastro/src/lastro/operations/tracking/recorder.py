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
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Literal

from lastro.core.errors import ExternalError, LastroError
from lastro.core.paths import Paths

MAXIMUM_SECONDS = 60.0
"""The child gives a server up after a few seconds; this bounds what it did not foresee."""


def is_remote(uri: str | None) -> bool:
    """Return whether a tracking URI names a server, which may fail to answer."""
    return bool(uri) and not uri.startswith(("sqlite:", "file:", "/", "./"))


class Recorder:
    """The recorder of one stage. Use as a context manager; leaving it without `record` records nothing."""

    def __init__(self, paths: Paths, stage: Literal["train", "evaluate"], trial: bool = False):
        self._replies: queue.Queue[dict[str, Any]] = queue.Queue()
        self._ready = False
        self.off = os.environ.get("LASTRO_TRACKING") == "off"
        self.trial = trial
        if self.off:
            return
        task = {"stage": stage, "root": str(paths.root), "outputs": str(paths.outputs), "trial": trial}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lastro.operations.tracking.recorder", json.dumps(task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self._process.stdout:
            self._replies.put(json.loads(line))
        self._replies.put({"error": "the recorder ended without a word"})

    def wait_until_ready(self, always: bool = False) -> None:
        """Wait, before the work, until a remote store has answered; for a local one only if `always`.

        Raises:
            ExternalError: it refused, or did not answer.
        """
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if self.off or self._ready or not (always or is_remote(uri)):
            return
        try:
            # Creating a local store has no time limit.
            reply = self._replies.get(timeout=MAXIMUM_SECONDS if is_remote(uri) else None)
        except queue.Empty:
            text = (
                f"MLFLOW_TRACKING_URI: no answer within {MAXIMUM_SECONDS:g} s; start the server or unset it"
            )
            reply = {"error": text}
        if "error" in reply:
            self._process.kill()
            raise ExternalError(reply["error"])
        self._ready = True

    def record(self, run_id: str | None = None) -> dict[str, Any]:
        """Record, after the work, the stage's outputs, into the run `run_id` if autologging began one.

        Returns:
            {"run": where a person finds it}, or {"error": why the run is incomplete}; the outputs are safe either way.
        """
        if self.off:
            return {"error": "tracking is off (LASTRO_TRACKING=off)"}
        try:
            self._process.stdin.write(f"record {run_id or ''}".strip() + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        reply = self._replies.get()
        if "ready" in reply:
            reply = self._replies.get()
        self._process.wait()
        return reply

    def finish(self, run_id: str | None = None) -> None:
        """Record, and print where the run is, or why it is incomplete and the fix."""
        reply = self.record(run_id)
        if "error" not in reply:
            print(f"run: {reply['run']}")
            return
        fix = "the trial is not recorded: run it again" if self.trial else "`lastro sync` completes it"
        print(f"warning: the run is incomplete: {reply['error']}; {fix}", file=sys.stderr)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.off:
            return
        if self._process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            if exc[0] is not None:
                self._process.terminate()
        self._process.wait()
        self._listener.join()
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
