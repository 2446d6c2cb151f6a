"""Tokens: a job's GITHUB_TOKEN with the `permissions` of the workflow file, and people's own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions
SCOPES = frozenset(
    {
        "actions",
        "artifact-metadata",
        "attestations",
        "checks",
        "contents",
        "deployments",
        "discussions",
        "id-token",
        "issues",
        "models",
        "packages",
        "pages",
        "pull-requests",
        "security-events",
        "statuses",
    }
)
LEVELS = {"none": 0, "read": 1, "write": 2}
BOT = "github-actions[bot]"
DEPENDABOT = "dependabot[bot]"


@dataclass
class Token:
    """What one token may do in which repository."""

    actor: str
    repository: str  # full name; "" for a person's, which counts in all repositories by the person's role
    permissions: dict[str, str]
    value: str = field(default_factory=lambda: "ghs_" + secrets.token_hex(18))
    run: int | None = None
    expired: bool = False

    @property
    def is_job(self) -> bool:
        return bool(self.repository)


def granted(permissions: dict[str, str] | str | None, fork: bool = False) -> dict[str, str]:
    """A job's `permissions` as its token has them. Raises ValueError for a scope that does not exist.

    fork: the event is a fork's or Dependabot's pull request; write becomes read, as GitHub does.
    """
    if permissions is None:
        raise ValueError("a job without permissions: its grant would depend on a setting of the repository")
    if isinstance(permissions, str):
        level = {"read-all": "read", "write-all": "write"}[permissions]
        permissions = dict.fromkeys(SCOPES, level)
    if unknown := set(permissions) - SCOPES:
        raise ValueError(f"unknown permission scope: {', '.join(sorted(unknown))}")
    if wrong := set(permissions.values()) - set(LEVELS):
        raise ValueError(f"unknown permission level: {', '.join(sorted(wrong))}")
    if fork:
        permissions = {s: "read" if v == "write" else v for s, v in permissions.items() if s != "id-token"}
    return dict(permissions)


def role_permissions(role: str) -> dict[str, str]:
    """What a person's own token may do, by role: admin, write, read."""
    everything = [*SCOPES, "administration", "variables", "environments"]
    if role == "admin":
        return dict.fromkeys(everything, "write")
    if role == "write":
        return dict.fromkeys(SCOPES, "write") | {"administration": "read", "variables": "read"}
    # Anybody may comment, and open issues and pull requests.
    return dict.fromkeys(SCOPES, "read") | {"issues": "write", "pull-requests": "write"}


def allows(permissions: dict[str, str], need: str) -> bool:
    """Whether permissions cover a need such as `issues:write|pull-requests:write` (either is enough)."""
    if need == "metadata:read":
        return True
    for alternative in need.split("|"):
        scope, level = alternative.split(":")
        if LEVELS[permissions.get(scope, "none")] >= LEVELS[level]:
            return True
    return False
