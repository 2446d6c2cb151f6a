"""Post one comment per pull request and one issue about drift: both are refreshed, never repeated."""

from __future__ import annotations

from lastro.operations.github.client import GitHub
from lastro.operations.github.job import run_url
from lastro.operations.report.drift_findings import MARKER, Drift, render

LABEL = "drift"


def comment(github: GitHub, number: int, marker: str, text: str) -> None:
    """Put `text`, which begins with the marker, into the comment that has it already, or into a new one.

    Only a comment of a bot is refreshed: anybody can write the marker.
    """
    for found in github.pages(f"/issues/{number}/comments"):
        if (found["user"] or {}).get("type") == "Bot" and found["body"].startswith(marker):
            if found["body"] != text:
                github.send("PATCH", f"/issues/comments/{found['id']}", {"body": text})
            return
    github.send("POST", f"/issues/{number}/comments", {"body": text})


def drift_issue(github: GitHub, found: Drift) -> int | None:
    """Open the issue, or refresh the open one; its number. None: nothing has drifted, and no issue is open.

    Raises:
        ExternalError: GitHub refused.
    """
    page = run_url()
    text = render(found) + (f"\n<sub>[run]({page})</sub>\n" if page else "")
    title = f"{found.model_name}: the data has moved away from {found.release}"
    for issue in github.pages("/issues", state="open", labels=LABEL):
        if "pull_request" not in issue and (issue["body"] or "").startswith(MARKER):
            # Where nothing could be compared, what was found before still stands.
            if found.not_compared is None:
                named = {"title": title} if found.drifted else {}
                github.send("PATCH", f"/issues/{issue['number']}", {"body": text, **named})
            return issue["number"]
    if not found.drifted:
        return None
    return github.send("POST", "/issues", {"title": title, "body": text, "labels": [LABEL]})["number"]
