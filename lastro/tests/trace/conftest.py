"""The registry's fixtures: a clone with three models, and stores to put them into."""

from tests.registry.conftest import (  # noqa: F401
    clone,
    empty_database,
    postgres,
    registry,
    server,
    template,
)
