"""The OpenAPI document (version 3.1): made of the routes and of the classes of the answers."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from proxy import __version__
from proxy.admin.answers import Refusal
from proxy.admin.call import Written
from proxy.admin.desk import Desk
from proxy.admin.json_form import json_text
from proxy.admin.routes import Asked, Route
from proxy.admin.schema import Schemas

_JSON: Final = "application/json"
_ERROR: Final = "Error"
_ALWAYS: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
)
"""What any call may be answered with."""

_ABOUT: Final = (
    "Shows how a running mysqlproxy stands, and tells it what to do. Over a unix socket, and "
    "over TCP on this machine where no tokens are configured, nobody is asked who he is; else "
    "a bearer token or a client's certificate is needed: a VIEWER may call GET, an OPERATOR "
    "also POST. Spans of time are in seconds, moments are ISO 8601 in UTC."
)


def document(routes: Sequence[Route]) -> Mapping[str, Any]:
    """The document of these routes."""
    schemas = Schemas()
    schemas.reference(Refusal)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mysqlproxy", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas.found,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {_ERROR: _answered("Why it was not done.", schemas, Refusal)},
        },
        "security": [{}, {"token": []}],
    }


def _operation(route: Route, schemas: Schemas) -> Mapping[str, Any]:
    responses: dict[str, Any] = {
        "200": _answered(route.summary, schemas, route.gives),
    }
    for status in sorted({*_ALWAYS, *route.statuses, *_of_bodies(route)}):
        if status is HTTPStatus.ACCEPTED or status is HTTPStatus.SERVICE_UNAVAILABLE:
            responses[str(int(status))] = _answered(status.phrase, schemas, route.gives)
        else:
            responses[str(int(status))] = {"$ref": f"#/components/responses/{_ERROR}"}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _name(route),
        "parameters": [*_parameters(route)],
        "responses": responses,
    }
    if route.takes:
        operation["requestBody"] = _body(route)
    if route.is_open:
        operation["security"] = []
    return operation


def _of_bodies(route: Route) -> tuple[HTTPStatus, ...]:
    return (HTTPStatus.UNSUPPORTED_MEDIA_TYPE,) if route.method == "POST" else ()


def _name(route: Route) -> str:
    words = route.template.replace("{", "").replace("}", "").strip("/").split("/")
    return "_".join([route.method.lower(), *words]).replace("-", "_").replace(".", "_")


def _parameters(route: Route) -> Iterator[Mapping[str, Any]]:
    for word in route.template.split("/"):
        if word.startswith("{"):
            yield {
                "name": word[1:-1],
                "in": "path",
                "required": True,
                "schema": {"type": "string", "minLength": 1},
            }
    for number in route.query:
        yield {
            "name": number.name,
            "in": "query",
            "description": number.doc,
            "schema": {
                "type": "integer",
                "minimum": number.low,
                "maximum": number.high,
                "default": number.default,
            },
        }


def _body(route: Route) -> Mapping[str, Any]:
    needed = [parameter.name for parameter in route.takes if parameter.needed]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {parameter.name: parameter.schema for parameter in route.takes},
        "additionalProperties": False,
    }
    if needed:
        schema["required"] = needed
    return {"required": bool(needed), "content": {_JSON: {"schema": schema}}}


def _answered(description: str, schemas: Schemas, gives: type[Any] | str) -> Mapping[str, Any]:
    if isinstance(gives, str):
        content: Mapping[str, Any] = {gives.partition(";")[0]: {"schema": {"type": "string"}}}
    else:
        content = {_JSON: {"schema": schemas.reference(gives)}}
    return {"description": description, "content": content}


@functools.cache
def _text() -> bytes:
    from proxy.admin.api import ROUTES  # noqa: PLC0415 - this route is one of them

    return json_text(document(ROUTES)).encode() + b"\n"


async def served(_desk: Desk, _: Asked) -> Written:
    """This document."""
    return Written(HTTPStatus.OK, _text())


ROUTE: Final = Route(
    method="GET", template="/openapi.json", handler=served, gives=dict[str, Any]
)
