"""Tests of `proxy.admin.openapi`, and of the whole API by what it says of itself."""

from __future__ import annotations

import contextlib

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from proxy.admin.api import ROUTES
from proxy.admin.openapi import document
from tests.admin.operating import FakeOperations, FakeProcess, serving
from tests.support.ports import free_port

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
CHECKED = settings(
    max_examples=10,  # for each operation: all of them together take some seconds
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[*HealthCheck],
)


def test_each_route_is_in_the_document():
    """With its parameters, and with all that it answers."""
    paths = document(ROUTES)["paths"]
    assert {(path, method) for path, operations in paths.items() for method in operations} == {
        (route.template, route.method.lower()) for route in ROUTES
    }
    switch = paths["/v1/proxies/{proxy}/switch"]["post"]
    schema = switch["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["target_set"]
    assert [one["name"] for one in switch["parameters"]] == ["proxy"]
    assert {"200", "202", "400", "401", "403", "404", "409", "415", "429"} <= {
        *switch["responses"]
    }
    events = paths["/v1/events"]["get"]
    assert [one["name"] for one in events["parameters"]] == ["after", "newest", "limit"]


def test_operations_have_names_of_their_own():
    """Those who make clients of the document need them."""
    found = [
        operation["operationId"]
        for operations in document(ROUTES)["paths"].values()
        for operation in operations.values()
    ]
    assert len({*found}) == len(found)


def test_only_what_is_open_needs_no_token():
    """What the document says is what the gate does."""
    for path, operations in document(ROUTES)["paths"].items():
        is_open = operations.get("get", {}).get("security") == []
        assert is_open == any(route.is_open for route in ROUTES if route.template == path)


@pytest.fixture(scope="module")
def api():
    """The API on a port, in front of a proxy that has clients and connections."""
    process = FakeProcess(FakeOperations())
    (stage,) = process.stages
    stage.begin(stage.client())
    stage.client()
    port = free_port()
    with serving(process=process) as served:
        served.call(served.site.listen, f"tcp:{port}:interface=127.0.0.1")
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")


NAMES = {"proxy": "shop", "target": "db1.example", "number": "1", "file": "app.js"}


def named(operation):
    """Names for its path that there is something of."""
    return {name: value for name, value in NAMES.items() if f"{{{name}}}" in operation.path}


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("mode", "is_named", "expected"),
    [
        (GenerationMode.POSITIVE, True, {200}),
        (GenerationMode.POSITIVE, False, {200, 404}),
        (GenerationMode.NEGATIVE, True, {400}),
    ],
)
def test_whatever_is_sent_the_answer_is_as_the_document_says(api, mode, is_named, expected):
    """No call makes a mistake happen, and each answer has its status, type and shape."""
    seen = set()
    for found in api.get_all_operations():
        operation = found.ok()

        @CHECKED
        @given(
            operation.as_strategy(mode, path_parameters=named(operation) if is_named else None)
        )
        def play(case):
            seen.add(case.call_and_validate(checks=CHECKS).status_code)

        with contextlib.suppress(Unsatisfiable):  # what has no parameters cannot be wrong
            play()
    assert expected <= seen
