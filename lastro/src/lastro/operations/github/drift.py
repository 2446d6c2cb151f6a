"""What becomes of drift on GitHub: one issue."""

from __future__ import annotations

from lastro.operations.github.client import GitHub
from lastro.operations.github.job import run_url
from lastro.operations.report.drift_content import Drift
from lastro.operations.report.drift_text import MARKER, render

LABEL = "drift"


def open_issue(github: GitHub, found: Drift) -> int | None:
    """Open the issue, or refresh the open one; its number. None: nothing has drifted, and no issue is open.

    Raises:
        ExternalError: GitHub says no.
    """
    where = run_url()
    text = render(found) + (f"\n<sub>[run]({where})</sub>\n" if where else "")
    title = f"{found.model_name}: the data has moved away from {found.release}"
    for issue in github.pages("/issues", state="open", labels=LABEL):
        if "pull_request" not in issue and (issue["body"] or "").startswith(MARKER):
            # Where nothing could be compared, what was found before still stands.
            if found.why_not is None:
                named = {"title": title} if found.drifted else {}
                github.send("PATCH", f"/issues/{issue['number']}", {"body": text, **named})
            return issue["number"]
    if not found.drifted:
        return None
    return github.send("POST", "/issues", {"title": title, "body": text, "labels": [LABEL]})["number"]
