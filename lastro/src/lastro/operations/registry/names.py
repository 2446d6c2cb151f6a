"""Name the aliases and tags of the registry."""

from __future__ import annotations

TEST, STAGING, PRODUCTION, PREVIOUS = "test", "staging", "production", "previous"

MODEL = "lastro.model"
"""MD5 of the model file, as in dvc.lock: the key that joins commit, run, version and image."""
DATA = "lastro.data"
PARAMS = "lastro.params"
COMMIT = "lastro.commit"
TEST_COMMIT = "lastro.test_commit"
"""Tag of the registered model: the commit that the alias `test` was moved for."""
PULL_REQUEST = "lastro.pull_request"
VERDICT = "lastro.verdict"
RELEASE = "lastro.release"
"""The release under which the version was promoted last."""
IMAGE = "lastro.image"
RETIRED = "lastro.retired"
"""Why a version was retired; a version with this tag is retired."""
HISTORY = "lastro.history."
"""Start of the registered model's tags that hold the promotion history, one entry each."""
