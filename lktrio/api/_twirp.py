"""Twirp: one HTTP POST per method (Twirp v7 specification), and the tables that describe methods.

Theory of operation: a service is a class whose attributes are made by `method`, one line per
method: its name in the protocol, the class of its request, the class of its answer, and the grant
it needs. Accessed on an instance such an attribute is an async function of the request. A call
encodes the request once, signs a token with that grant and nothing else (or takes the ready-made
token), and posts it; `lktrio.api._failover` decides whether and where to try again. All attempts of
one call carry the same ``X-Livekit-Request-Id``, by which the server recognises a repetition. A
program that calls the same method for the same room again and again sends the same token for a
minute: signing costs more than all else that a call does before it is sent.

There is no timeout argument: the deadline is the caller's cancel scope. Where the caller has none,
an attempt may take as long as the method's `budget`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

import trio

from lktrio._http import read_body
from lktrio._regions import Regions
from lktrio._running import require_trio
from lktrio._text import printable
from lktrio._version import __version__
from lktrio.auth import AccessToken, AgentGrants, SIPGrants, VideoGrants
from lktrio.errors import LocalProtocolError, ServerError
from lktrio.proto import Message
from lktrio.proto.codec import encode

from ._answers import CONTENT_TYPE, read_answer
from ._failover import Failover, FailoverMode

if TYPE_CHECKING:
    import httpx

__all__ = ["Call", "Connection", "Grant", "Method", "Service", "method"]

REQUEST_TIMEOUT = 10.0
"""Seconds that an attempt may take if nobody says otherwise, as in LiveKit's SDKs."""
TOKEN_TTL = timedelta(minutes=10)
"""How long the token of one call is valid: enough for every attempt."""
TOKEN_REUSE = 60.0
"""Seconds in which the token of one call serves others that need exactly the same grant."""
MAX_TOKENS = 1024
"""Tokens kept for that."""
MAX_ANSWER = 128 * 1024 * 1024
"""Bytes of an answer that are taken into memory."""
REQUEST_ID = "X-Livekit-Request-Id"
USER_AGENT = f"lktrio/{__version__}"

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)
RequestT_contra = TypeVar("RequestT_contra", bound=Message, contravariant=True)
ResponseT_co = TypeVar("ResponseT_co", bound=Message, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a method needs in its token."""

    video: VideoGrants | None = None
    """Grants about rooms, without the names of rooms."""
    sip: SIPGrants | None = None
    """Grants about telephony."""
    agent: AgentGrants | None = None
    """Grants about Cloud agents."""
    room: str = ""
    """The field of the request that names the room to administer."""
    destination: str = ""
    """The field of the request that names the room to forward or move to."""

    def token(self, request: Message) -> AccessToken:
        """A token for one request, with no more than it needs."""
        video = self.video
        if self.room:
            room, destination = self.names(request)
            video = VideoGrants(room_admin=True, room=room, destination_room=destination)
        return AccessToken(ttl=TOKEN_TTL, video=video, sip=self.sip, agent=self.agent)

    def names(self, request: Message) -> tuple[str, str]:
        """The rooms that the token for a request names: all that differs between requests."""
        room = getattr(request, self.room) if self.room else ""
        return room, getattr(request, self.destination) if self.destination else ""


class Call(Protocol[RequestT_contra, ResponseT_co]):
    """A method of a service: an async function of its request."""

    async def __call__(self, request: RequestT_contra, /) -> ResponseT_co:
        """Call the method.

        Raises:
            ServerError: The server refused it, could not be reached, or did not answer in time.
            TypeError, ValueError: The request cannot be encoded; the message names the field.
        """
        ...


class Method(Generic[RequestT, ResponseT]):
    """One line of a service's table.

    Attributes:
        name: Name in the protocol, such as ``CreateRoom``.
        request: Class of the request.
        response: Class of the answer.
        grant: What the token must grant.
        prepare: Completes a request before it is sent, without changing it.
        budget: Seconds that an attempt may take if the caller has no deadline.
    """

    def __init__(
        self,
        name: str,
        request: type[RequestT],
        response: type[ResponseT],
        grant: Grant,
        prepare: Callable[[RequestT], RequestT] | None,
        budget: Callable[[RequestT], float] | None,
    ) -> None:
        self.name = name
        self.request = request
        self.response = response
        self.grant = grant
        self.prepare = prepare
        self.budget = budget

    @overload
    def __get__(self, service: None, owner: type[Service]) -> Method[RequestT, ResponseT]: ...

    @overload
    def __get__(self, service: Service, owner: type[Service]) -> Call[RequestT, ResponseT]: ...

    def __get__(self, service: Service | None, owner: type[Service]) -> Any:
        if service is None:
            return self

        async def call(request: RequestT, /) -> ResponseT:
            return await service.connection.call(service.service_name, self, request)

        call.__name__ = call.__qualname__ = self.name
        return call


def method(
    name: str,
    request: type[RequestT],
    response: type[ResponseT],
    grant: Grant,
    *,
    prepare: Callable[[RequestT], RequestT] | None = None,
    budget: Callable[[RequestT], float] | None = None,
) -> Method[RequestT, ResponseT]:
    """A line of a service's table; `Method` says what it holds."""
    return Method(name, request, response, grant, prepare, budget)


class Service:
    """Base of the services; each has a table of methods.

    Attributes:
        service_name: Name in the protocol, such as ``RoomService``.
        connection: What the calls go through.
    """

    service_name: str

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Connection:
    """Sends calls to one server: its URL, its credentials, its HTTP client.

    Args:
        client: The HTTP client.
        base: URL of the server.
        sign: Turns an access token into text.
        failover: When to try other regions.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        base: str,
        sign: Callable[[AccessToken], str],
        failover: FailoverMode,
    ) -> None:
        self._client = client
        self._base = base
        self._sign = sign
        self._mode: FailoverMode = failover
        self._regions = Regions(client, base)
        self._tokens: dict[tuple[object, ...], tuple[float, str]] = {}

    async def call(
        self, service: str, spec: Method[RequestT, ResponseT], request: RequestT
    ) -> ResponseT:
        """Call a method of a service."""
        require_trio(f"{service}.{spec.name}")
        if not isinstance(request, spec.request):
            found = type(request).__name__
            raise TypeError(f"{spec.name} takes a {spec.request.__name__}, not a {found}")
        prepared = spec.prepare(request) if spec.prepare else request
        body = encode(prepared)
        usual = spec.budget(prepared) if spec.budget else REQUEST_TIMEOUT
        headers = {"Authorization": self._authorization(spec, prepared), "User-Agent": USER_AGENT}
        failover = Failover(self._base, self._regions, self._mode, headers)
        headers = {**headers, "Content-Type": CONTENT_TYPE, REQUEST_ID: str(uuid.uuid4())}
        path = f"twirp/livekit.{service}/{spec.name}"
        while True:
            try:
                response, answer = await self._post(
                    f"{failover.base}/{path}", headers, body, failover.budget(usual)
                )
                return read_answer(response, answer, spec.response)
            except ServerError as error:
                failure = error
            if not await failover.next(failure):
                try:
                    raise failure
                finally:
                    del failure  # whose traceback holds this frame

    def _authorization(self, spec: Method[RequestT, ResponseT], request: RequestT) -> str:
        """The header with a token for a request, or with that of a recent one like it."""
        now, key = trio.current_time(), (spec, *spec.grant.names(request))
        until, value = self._tokens.get(key, (now, ""))
        if now >= until:
            value = f"Bearer {self._sign(spec.grant.token(request))}"
            if len(self._tokens) >= MAX_TOKENS:
                self._tokens.clear()
            self._tokens[key] = (now + TOKEN_REUSE, value)
        return value

    async def _post(
        self, url: str, headers: dict[str, str], body: bytes, budget: float
    ) -> tuple[httpx.Response, bytes]:
        """The head and the body of the answer."""
        import httpx

        if self._client.is_closed:
            raise LocalProtocolError("the API is closed: make calls inside its async with block")
        with trio.move_on_after(budget):
            try:
                async with self._client.stream(
                    "POST",
                    _parsed(url),
                    headers=headers,
                    content=body,
                    timeout=None,
                    follow_redirects=False,
                ) as response:
                    answer = await read_body(response, MAX_ANSWER)
            except httpx.HTTPError as error:
                raise ServerError("unavailable", _no_answer(url, error)) from error
            if answer is None:
                problem = f"the answer from {url} is longer than {MAX_ANSWER} bytes"
                raise ServerError("internal", problem, status=response.status_code)
            return response, answer
        await trio.lowlevel.checkpoint_if_cancelled()
        raise ServerError("deadline_exceeded", f"no answer from {url} within {budget:.1f} s")


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """Taken apart once: httpx takes longer for that than a call of ours adds to one of httpx."""
    import httpx

    return httpx.URL(url)


def _no_answer(url: str, error: httpx.HTTPError) -> str:
    return f"no answer from {url}: {type(error).__name__}: {printable(str(error))}"
