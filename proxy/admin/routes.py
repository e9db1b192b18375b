"""What can be called, as data: paths, parameters, and who may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, unquote

import attrs

from proxy.admin.call import Answer, Call, CallRefusedError, Written
from proxy.config.admin_users import AdminRole

if TYPE_CHECKING:
    from proxy.admin.desk import Desk


@attrs.frozen
class Asked:
    """A call whose route was found.

    Attributes:
        names: From its path.
        query: From its query: the numbers that were given, and defaults for the others.
        parameters: From its body.
        by: Who asks, for the log.
        may_act: Whether that one may do something, or only look.
        known_tag: See `Call`.
    """

    names: Mapping[str, str]
    query: Mapping[str, int]
    parameters: Mapping[str, object]
    by: str
    may_act: bool
    known_tag: str = ""


Reply: TypeAlias = Answer | Written
Handler: TypeAlias = Callable[["Desk", Asked], Awaitable[Reply]]


@attrs.frozen(kw_only=True)
class Number:
    """A whole number in a query.

    Attributes:
        name: Of the parameter.
        doc: What it is for.
        default: When it is not given.
        low: The least.
        high: The most.
    """

    name: str
    doc: str
    default: int
    low: int = 0
    high: int = 2**53  # what JavaScript counts exactly

    def read(self, text: str) -> int:
        """Make it of a text.

        Raises:
            CallRefusedError: it is none, or out of its range.
        """
        if text.isascii() and text.isdigit() and len(text) < 20:
            value = int(text)
            if self.low <= value <= self.high:
                return value
        raise CallRefusedError(
            HTTPStatus.BAD_REQUEST,
            f"{self.name} must be a whole number from {self.low} to {self.high}",
        )


@attrs.frozen(kw_only=True)
class Parameter:
    """Something in the body.

    Attributes:
        name: Of it.
        schema: What it may be, as JSON Schema.
        needed: Whether it has to be given.
    """

    name: str
    schema: Mapping[str, Any]
    needed: bool = True


@attrs.frozen(kw_only=True)
class Route:
    """Something that can be called.

    Attributes:
        method: Of HTTP.
        template: The path; {words} stand for one segment each.
        handler: What it does; the first line of its docstring says so.
        gives: The class of what is answered; a media type where that is no JSON.
        takes: Parameters of the body.
        query: Numbers of the query.
        statuses: That it may answer with, beside 200 and those of every route.
        is_open: Whether it tells so little that nobody is asked who he is.
    """

    method: str
    template: str
    handler: Handler
    gives: type[Any] | str
    takes: tuple[Parameter, ...] = ()
    query: tuple[Number, ...] = ()
    statuses: tuple[HTTPStatus, ...] = ()
    is_open: bool = False

    @property
    def role(self) -> AdminRole:
        """The least that who calls it has to be."""
        return AdminRole.VIEWER if self.method == "GET" else AdminRole.OPERATOR

    @property
    def summary(self) -> str:
        """What it does, as a sentence."""
        return (self.handler.__doc__ or "").partition("\n")[0]

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """The names in a path; None where it is the path of something else."""
        wanted = self.template[1:].split("/")
        if len(wanted) != len(segments):
            return None
        names = {}
        for word, segment in zip(wanted, segments, strict=True):
            if word.startswith("{") and segment:
                names[word[1:-1]] = segment
            elif word != segment:
                return None
        return names

    def numbers(self, query: str) -> Mapping[str, int]:
        """The numbers of a query.

        Raises:
            CallRefusedError: something in it is none, or nothing that the route knows.
        """
        known = {number.name: number for number in self.query}
        values = {number.name: number.default for number in self.query}
        try:
            pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=10)
        except ValueError:
            raise CallRefusedError(
                HTTPStatus.BAD_REQUEST, "the query has too many parameters"
            ) from None
        for name, text in pairs:
            if name not in known:
                there = f"there are {', '.join(known)}" if known else "there are none here"
                raise CallRefusedError(
                    HTTPStatus.BAD_REQUEST, f"{name[:40]!r} is no parameter; {there}"
                )
            values[name] = known[name].read(text)
        return values


def find(routes: Sequence[Route], call: Call) -> tuple[Route, dict[str, str]]:
    """The route of a call, and the names in its path.

    Raises:
        CallRefusedError: there is none, or not for this method.
    """
    try:
        segments = [unquote(one, errors="strict") for one in call.path[1:].split("/")]
    except UnicodeDecodeError:
        raise CallRefusedError(HTTPStatus.BAD_REQUEST, "the path is no UTF-8") from None
    found = [(route, names) for route in routes if (names := route.match(segments)) is not None]
    if not found or not call.path.startswith("/"):
        raise CallRefusedError(
            HTTPStatus.NOT_FOUND,
            "there is nothing of this path",
            known=sorted({route.template for route in routes}),
        )
    method = "GET" if call.method == "HEAD" else call.method
    for route, names in found:
        if route.method == method:
            return route, names
    allowed = [route.method for route, _ in found]
    allowed += ["HEAD"] if "GET" in allowed else []
    raise CallRefusedError(
        HTTPStatus.METHOD_NOT_ALLOWED,
        f"here {'are' if len(allowed) > 1 else 'is'} {' and '.join(allowed)} only",
        {"Allow": ", ".join(allowed)},
    )
