"""The registry's fixtures: a clone with three models, and stores to put them into."""

from tests.registry.conftest import clone, registry, server  # noqa: F401
