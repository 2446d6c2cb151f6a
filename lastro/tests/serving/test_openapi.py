"""Requests that schemathesis makes from the app's own description: none is answered with a 5xx, or otherwise than described."""

from __future__ import annotations

import contextlib
import json

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from lastro.serving.http import App
from lastro.serving.settings import Settings


@pytest.fixture(scope="module")
def described(model):
    return schemathesis.openapi.from_asgi("/openapi.json", App(model, {"name": "three"}, Settings()))


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_is_a_server_error(described, mode):
    seen = set()
    for found in described.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=50, suppress_health_check=list(HealthCheck))
        def check(case):
            answer = case.call()
            seen.add((case.path, answer.status_code))
            case.validate_response(
                answer, checks=[not_a_server_error, content_type_conformance, response_schema_conformance]
            )
            if answer.status_code >= 400:
                assert {"error_code", "message"} <= json.loads(answer.content).keys()

        with contextlib.suppress(Unsatisfiable):
            # A path without parameters has nothing to get wrong.
            check()
    assert {status for path, status in seen if path == "/invocations"} & {200, 400, 415}
