"""List and apply every setting of the repository on GitHub that the workflows count on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lastro.core.errors import ExternalError
from lastro.core.files import read_json
from lastro.operations.github.client import AnswerError, GitHub
from lastro.operations.github.pulls import LABEL

RULESETS = Path(".github") / "rulesets"
ENVIRONMENTS = {"staging": ("v*-rc.*",), "production": ("v*",)}
"""The tags that may deploy to each."""

VARIABLES = {
    "MLFLOW_TRACKING_URI": "the tracking server; without it nothing is registered or released",
    "IMAGE_REPOSITORY": "registry/owner/name of the image, unless it is ghcr.io/OWNER/REPOSITORY",
    "IMAGE_REGISTRY": "the registry to log in to, unless it is ghcr.io",
    "IMAGE_USERNAME": "whom to log in as there, unless it is who started the workflow",
    "ATTEST": "false where GitHub keeps no attestations: a private repository without GitHub Enterprise Cloud",
    "PAGES": "true publishes the documentation to Pages, which must be switched on with GitHub Actions as its source",
    "SITE_URL": "where Pages publishes it",
    "RUNNER": "the label of the runners, unless it is ubuntu-24.04",
}
SECRETS = {
    "MLFLOW_TRACKING_USERNAME": "of the tracking server",
    "MLFLOW_TRACKING_PASSWORD": "of the tracking server",
    "MLFLOW_TRACKING_TOKEN": "of a tracking server that takes one instead",
    "AWS_ACCESS_KEY_ID": "of a DVC remote on S3",
    "AWS_SECRET_ACCESS_KEY": "of a DVC remote on S3",
    "AZURE_STORAGE_CONNECTION_STRING": "of a DVC remote on Azure",
    "UPDATE_TOKEN": "may push workflow files: an update of Lastro that has some is proposed with it",
    "IMAGE_PASSWORD": "of another registry than ghcr.io",
}
"""What each is for. All are optional, and only a person can know their values."""


class Setting(NamedTuple):
    """One setting; what, why: for people. apply: applies it, and is idempotent."""

    what: str
    why: str
    apply: Callable[[GitHub], Any]


def settings(root: Path) -> Iterator[Setting]:
    """Yield the settings in the order in which they are applied."""
    merging = {"allow_update_branch": True, "delete_branch_on_merge": True}
    yield Setting(
        "pull requests: offer to update the branch, delete it after the merge",
        "a pull request must be up to date with the default branch before it is merged",
        lambda github: github.send("PATCH", "", merging),
    )
    token = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}
    yield Setting(
        "Actions: the workflows' token may read, and may open pull requests",
        "each job asks for what more it needs; drift and updates open pull requests",
        lambda github: github.send("PUT", "/actions/permissions/workflow", token),
    )
    yield Setting(f"label {LABEL}", "finds the one issue about drift", _label)
    for path in sorted((root / RULESETS).glob("*.json")):
        content = read_json(path)
        yield Setting(
            f"ruleset {content['name']}: {', '.join(rule['type'] for rule in content['rules'])}",
            f"{path.relative_to(root)} is what is applied",
            lambda github, content=content: _ruleset(github, content),
        )
    for name, tags in ENVIRONMENTS.items():
        approval = ", after the approval of whoever applies this" if name == "production" else ""
        yield Setting(
            f"environment {name}: deployed to from the tags {', '.join(tags)} and the default branch{approval}",
            "a release asks there before anything is published; add reviewers in its settings",
            lambda github, name=name, tags=tags: _environment(github, name, tags),
        )


def _label(github: GitHub) -> None:
    if github.get(f"/labels/{LABEL}", missing_ok=True) is None:
        content = {"name": LABEL, "color": "fbca04", "description": "The data moved away from the model"}
        github.send("POST", "/labels", content)


def _ruleset(github: GitHub, content: dict[str, Any]) -> None:
    there = next((r for r in github.pages("/rulesets") if r["name"] == content["name"]), None)
    method, path = ("PUT", f"/rulesets/{there['id']}") if there else ("POST", "/rulesets")
    github.send(method, path, content)


def _environment(github: GitHub, name: str, tags: tuple[str, ...]) -> None:
    found = github.get(f"/environments/{name}", missing_ok=True) or {}
    custom = {"protected_branches": False, "custom_branch_policies": True}
    content = {"deployment_branch_policy": custom, **_chosen(found)}
    unprotected = None
    if name == "production" and "reviewers" not in content:
        me = github.get(f"{github.api}/user")
        try:
            reviewers = [{"type": "User", "id": me["id"]}]
            github.send("PUT", f"/environments/{name}", content | {"reviewers": reviewers})
        except AnswerError as error:
            if error.status != 422:
                raise
            # A private repository without GitHub Enterprise has no reviewers: the rest is set all the same.
            unprotected = error
            github.send("PUT", f"/environments/{name}", content)
    elif found.get("deployment_branch_policy") != custom:
        github.send("PUT", f"/environments/{name}", content)
    place = f"/environments/{name}/deployment-branch-policies"
    there = {(policy["name"], policy.get("type")) for policy in github.get(place)["branch_policies"]}
    branch = github.get("")["default_branch"]
    for kind, pattern in [("branch", branch), *(("tag", tag) for tag in tags)]:
        if (pattern, kind) not in there:
            github.send("POST", place, {"name": pattern, "type": kind})
    if unprotected is not None:
        problem = "GitHub takes no reviewers here, so a release tag deploys without being asked about: protect who may push"
        raise ExternalError(f"{problem} tags v* ({unprotected})", where=f"environment {name}")


def _chosen(found: dict[str, Any]) -> dict[str, Any]:
    """Return what somebody has chosen for the environment; a request that leaves it out would delete it."""
    kept: dict[str, Any] = {}
    for rule in found.get("protection_rules", []):
        if rule["type"] == "wait_timer":
            kept["wait_timer"] = rule["wait_timer"]
        elif rule["type"] == "required_reviewers":
            kept["reviewers"] = [{"type": r["type"], "id": r["reviewer"]["id"]} for r in rule["reviewers"]]
            if "prevent_self_review" in rule:
                kept["prevent_self_review"] = rule["prevent_self_review"]
    return kept
