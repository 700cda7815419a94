"""Twirp, version 7, on the server's side: routes, encodings, and errors.

Every method is ``POST /twirp/livekit.<Service>/<Method>`` with a message as protobuf or JSON in
both directions. Errors are JSON always. The checks come in the order of LiveKit's server: verb,
path, content type, body, grants; but without a token nobody's body is read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import trio

from lktrio._text import printable
from lktrio.auth import Claims
from lktrio.devserver.http import Request, Response
from lktrio.errors import RemoteProtocolError
from lktrio.proto import Message, codec

__all__ = [
    "Method",
    "TwirpError",
    "TwirpServer",
    "from_server",
    "nobody_responds",
    "permissions_denied",
]

_PREFIX = "/twirp/livekit."
_STATUSES = {
    "canceled": 408,
    "unknown": 500,
    "invalid_argument": 400,
    "malformed": 400,
    "deadline_exceeded": 408,
    "not_found": 404,
    "bad_route": 404,
    "already_exists": 409,
    "permission_denied": 403,
    "unauthenticated": 401,
    "resource_exhausted": 429,
    "failed_precondition": 412,
    "aborted": 409,
    "out_of_range": 400,
    "unimplemented": 501,
    "internal": 500,
    "unavailable": 503,
    "data_loss": 500,
}
_JSON = "application/json"
_PROTOBUF = "application/protobuf"

_log = logging.getLogger("lktrio.devserver")


class TwirpError(Exception):
    """A call that is answered with an error."""

    def __init__(self, code: str, message: str, meta: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.meta = dict(meta or {})

    def response(self) -> Response:
        """The error as it is sent."""
        body: dict[str, Any] = {"code": self.code, "msg": self.message}
        if self.meta:
            body["meta"] = self.meta
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        return Response(_STATUSES[self.code], text.encode(), (("Content-Type", _JSON),))


def from_server(code: str, message: str) -> TwirpError:
    """An error of the kind whose texts LiveKit's server prefixes."""
    return TwirpError(code, f"twirp error unknown: {message}")


def permissions_denied() -> TwirpError:
    """The token does not grant the method."""
    return TwirpError("unauthenticated", "permissions denied")


def nobody_responds() -> TwirpError:
    """A room or a participant that would have to answer is not there."""
    return from_server("unavailable", "no response from servers")


Handler: TypeAlias = Callable[[Any, Claims], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a service."""

    request: type[Message]
    """Class of what it takes."""
    handle: Handler
    """Checks the grants and does it."""


class TwirpServer:
    """Answers calls.

    Args:
        services: Methods by name, by name of the service.
        refused: Services that are known but not offered: name to a check of the grants, which
            returns why there is nothing.
    """

    def __init__(
        self,
        services: Mapping[str, Mapping[str, Method]],
        refused: Mapping[str, Callable[[Claims], str]],
    ) -> None:
        self._services = services
        self._refused = refused

    async def respond(self, request: Request, claims: Claims | None) -> Response | None:
        """The answer to a request, or None if its path is none of ours."""
        service, _, name = request.path.removeprefix(_PREFIX).partition("/")
        known = service in self._services or service in self._refused
        if not request.path.startswith(_PREFIX) or not known or "/" not in request.path[8:]:
            await trio.lowlevel.checkpoint()
            return None
        try:
            return await self._call(service, name, request, claims)
        except TwirpError as error:
            await trio.lowlevel.checkpoint()
            return error.response()

    async def _call(
        self, service: str, name: str, request: Request, claims: Claims | None
    ) -> Response:
        route = {"twirp_invalid_route": f"{request.method} {printable(request.path)}"}
        if request.method != "POST":
            text = f'unsupported method "{request.method}" (only POST is allowed)'
            raise TwirpError("bad_route", text, route)
        if service in self._refused:
            if claims is None:
                raise permissions_denied()
            raise TwirpError("unimplemented", self._refused[service](claims))
        method = self._services[service].get(name)
        if method is None:
            raise TwirpError("bad_route", f'no handler for path "{printable(request.path)}"', route)
        content_type = request.headers.get("content-type", "")
        kind = content_type.partition(";")[0].strip().lower()
        if kind not in (_JSON, _PROTOBUF):
            raise TwirpError(
                "bad_route", f'unexpected Content-Type: "{printable(content_type)}"', route
            )
        if claims is None:  # before anything of the body is read
            raise permissions_denied()
        message = _decode(method, await request.read_body(), kind)
        return _encode(await method.handle(message, claims), kind)


def _decode(method: Method, body: bytes, kind: str) -> Message:
    try:
        if kind == _PROTOBUF:
            return codec.decode(method.request, body, codec.SIGNAL_REQUEST)
        if body.strip() == b"null":
            raise RemoteProtocolError("null is no message")
        return codec.from_json(method.request, body, codec.SIGNAL_REQUEST)
    except RemoteProtocolError:
        form = "json" if kind == _JSON else "protobuf"
        raise TwirpError("malformed", f"the {form} request could not be decoded") from None


def _encode(message: Message, kind: str) -> Response:
    if kind == _PROTOBUF:
        body = codec.encode(message)
    else:
        body = codec.to_json(message, proto_names=True, defaults=True).encode()
    return Response(200, body, (("Content-Type", kind),))
