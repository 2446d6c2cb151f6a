"""The endpoints, by GitHub's own categories. Importing this package fills the table of `routing`."""

from tests.github.server.routes import (  # noqa: F401
    actions,
    commits,
    deployments,
    issues,
    pulls,
    refs,
    releases,
    repos,
    rulesets,
)
