"""The report that a run without rights left, fetched as what it is: something that a stranger's code wrote."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

from lastro.core.errors import LastroError
from lastro.operations.github.client import GitHub
from lastro.operations.report.content import MOST_BYTES, Failure, Report, read

NAME, FILE = "report", "report.json"
MOST_ZIP = 2_000_000


def fetch_report(github: GitHub, run: int) -> Report | Failure | None:
    """The one file of the artifact `report`, never more than its limit of it, never written where its name says.

    None: the run has left none, because it did not come so far.

    Raises:
        LastroError: it is gone by now, too large, or no report.
        ExternalError: GitHub says no.
    """
    found = [
        a for a in github.get(f"/actions/runs/{run}/artifacts", name=NAME)["artifacts"] if a["name"] == NAME
    ]
    if not found:
        return None
    if len(found) != 1 or found[0]["expired"]:
        raise LastroError(f"has no artifact {NAME} any more", where=f"run {run}", fix="run it again")
    if found[0]["size_in_bytes"] > MOST_ZIP:
        raise LastroError(
            f"has more than {MOST_ZIP} bytes; a report has some thousand", where=f"run {run}: artifact {NAME}"
        )
    answer = github.call("GET", f"/actions/artifacts/{found[0]['id']}/zip")
    assert answer is not None
    with tempfile.TemporaryDirectory(prefix="lastro-artifact-") as folder:
        path = Path(folder) / FILE
        try:
            with zipfile.ZipFile(io.BytesIO(answer.content)) as archive, archive.open(FILE) as file:
                path.write_bytes(file.read(MOST_BYTES + 1))
        except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, OSError):
            raise LastroError(f"holds no readable {FILE}", where=f"run {run}: artifact {NAME}") from None
        return read(path)
