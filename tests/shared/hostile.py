"""Throws at an app what its OpenAPI document allows, and what it forbids: no answer may be a 5xx or undocumented."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES: Final = 40
CHECKS: Final = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def attack(app: FastAPI, runner: asyncio.Runner, known: Mapping[str, str]) -> int:
    """Send many requests to every operation; return how many. `known` fields lead half of them to what is there."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://app")
    sent = 0

    def send(case: Case[Any]) -> httpx.Response:
        request = requests.Request(**case.as_transport_kwargs(base_url="http://app")).prepare()
        content = request.body.encode() if isinstance(request.body, str) else request.body
        assert content is None or isinstance(content, bytes)
        headers = {name: str(value) for name, value in request.headers.items()}
        wanted = client.build_request(str(request.method), str(request.url), headers=headers, content=content)
        return runner.run(client.send(wanted))

    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        for mode in GenerationMode:

            @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode), lead=st.booleans())
            def once(case: Case[Any], lead: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
                nonlocal sent
                if lead:
                    case.path_parameters = _led(case.path_parameters, known)
                    case.body = _led(case.body, known)
                sent += 1
                case.validate_response(send(case), checks=CHECKS)

            once()
    runner.run(client.aclose())
    return sent


def _led(part: Any, known: Mapping[str, str]) -> Any:  # noqa: ANN401 - whatever was generated
    """Return the part with the known fields in place, however deep they stand."""
    if isinstance(part, dict):
        return {name: known.get(name, _led(value, known)) for name, value in part.items()}
    return [_led(value, known) for value in part] if isinstance(part, list) else part
