"""Where a client gets its token from: short-lived tokens, fetched when they are needed.

A server hands out tokens that live for minutes; the client asks for one when it joins. The
standard contract of such an endpoint is LiveKit's ``livekit_token_source.proto``: a JSON
``TokenSourceRequest`` is posted, and the answer is a ``TokenSourceResponse``.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import trio

from lktrio._http import new_client, read_body
from lktrio._running import require_trio
from lktrio._text import printable
from lktrio.auth._grants import check_string_map
from lktrio.auth._tokens import decode_token
from lktrio.errors import RemoteProtocolError, TokenError

if TYPE_CHECKING:
    import httpx

    from lktrio import proto

__all__ = ["ConnectionDetails", "TokenRequest", "TokenSource"]

RENEW_BEFORE = 60.0
"""Seconds before its expiry at which a token is fetched anew, as in LiveKit's JavaScript SDK."""
MAX_ANSWER = 1024 * 1024
"""Bytes of an endpoint's answer that are taken into memory."""
OK, REDIRECTS = 200, 300
DEVELOPMENT_SERVER = "https://cloud-api.livekit.io/api/v2/sandbox/connection-details"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionDetails:
    """Where to connect, and with which token."""

    server_url: str
    """URL of the LiveKit server."""
    participant_token: str = field(repr=False)
    """The access token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What a client asks for in its token. The endpoint decides; None leaves it to the endpoint."""

    room_name: str | None = None
    """Room to join."""
    participant_identity: str | None = None
    """Identity of the participant."""
    participant_name: str | None = None
    """Display name."""
    participant_metadata: str | None = None
    """Metadata of the participant."""
    participant_attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Attributes of the participant."""
    agent_name: str | None = None
    """Agent to dispatch to the room."""
    agent_metadata: str | None = None
    """Metadata of its job."""
    deployment: str | None = None
    """Deployment of the agent."""

    def __post_init__(self) -> None:
        check_string_map("participant_attributes", self.participant_attributes)
        for field_ in fields(self):
            value: object = getattr(self, field_.name)
            if field_.default is None and not isinstance(value, str | None):
                raise TypeError(f"{field_.name} must be a str, not {type(value).__name__}")

    def to_proto(self) -> proto.TokenSourceRequest:
        """The request as the standard contract has it."""
        from lktrio import proto

        config = None
        if (self.agent_name, self.agent_metadata, self.deployment) != (None, None, None):
            agent = proto.RoomAgentDispatch(
                agent_name=self.agent_name or "",
                metadata=self.agent_metadata or "",
                deployment=self.deployment or "",
            )
            config = proto.RoomConfiguration(agents=[agent])
        return proto.TokenSourceRequest(
            room_name=self.room_name,
            participant_identity=self.participant_identity,
            participant_name=self.participant_name,
            participant_metadata=self.participant_metadata,
            participant_attributes=dict(self.participant_attributes),
            room_config=config,
        )


EMPTY_REQUEST = TokenRequest()
Fetch = Callable[[TokenRequest], Awaitable[ConnectionDetails]]


class TokenSource(ABC):
    """Something that has connection details when they are asked for.

    Make one with `literal`, `custom` or `endpoint`. The last two remember what they fetched until
    a minute before the token expires, or until another request is made; a `fetch` that is
    cancelled leaves them as they were. One source may be used by many tasks.
    """

    @abstractmethod
    async def fetch(
        self, request: TokenRequest = EMPTY_REQUEST, *, force: bool = False
    ) -> ConnectionDetails:
        """The connection details for a request.

        Args:
            request: What the client asks for.
            force: Fetch a new token even if the last one is still good.

        Raises:
            TokenError: The endpoint could not be reached, or did not answer with a token.
        """

    @staticmethod
    def literal(server_url: str, participant_token: str) -> TokenSource:
        """A source that has had its token all along."""
        return _Literal(
            ConnectionDetails(server_url=server_url, participant_token=participant_token)
        )

    @staticmethod
    def custom(fetch: Fetch) -> TokenSource:
        """A source that asks an async function, and caches what it returns."""
        return _Cached(fetch)

    @staticmethod
    def endpoint(
        url: str,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> TokenSource:
        """A source that asks an HTTP endpoint of the standard contract.

        Args:
            url: URL of the endpoint.
            method: HTTP method of the request.
            headers: Further headers, such as the client's own authorization.
            client: HTTP client to use; it is not closed. None makes one for each fetch.
        """
        return _Cached(_Endpoint(url, method, dict(headers or {}), client))

    @staticmethod
    def development_server(
        server_id: str, *, url: str = DEVELOPMENT_SERVER, client: httpx.AsyncClient | None = None
    ) -> TokenSource:
        """A source that asks LiveKit Cloud's token server for prototypes, which is not secure."""
        return TokenSource.endpoint(url, headers={"X-Sandbox-ID": server_id}, client=client)


class _Literal(TokenSource):
    def __init__(self, details: ConnectionDetails) -> None:
        self._details = details

    async def fetch(
        self, request: TokenRequest = EMPTY_REQUEST, *, force: bool = False
    ) -> ConnectionDetails:
        require_trio("TokenSource.fetch()")
        await trio.lowlevel.checkpoint()
        return self._details


class _Cached(TokenSource):
    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._lock = trio.Lock()
        self._cached: tuple[TokenRequest, ConnectionDetails, float] | None = None

    async def fetch(
        self, request: TokenRequest = EMPTY_REQUEST, *, force: bool = False
    ) -> ConnectionDetails:
        require_trio("TokenSource.fetch()")
        async with self._lock:
            if self._cached is not None and not force:
                cached_request, details, expires_at = self._cached
                if cached_request == request and time.time() < expires_at - RENEW_BEFORE:
                    return details
            details = await self._fetch(request)
            # A function of the caller's, who may be untyped.
            if not isinstance(details, ConnectionDetails):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(
                    f"a custom token source returns ConnectionDetails, not {type(details).__name__}"
                )
            expires_at = decode_token(details.participant_token).expires_at
            self._cached = request, details, expires_at
            return details


class _Endpoint:
    def __init__(
        self, url: str, method: str, headers: dict[str, str], client: httpx.AsyncClient | None
    ) -> None:
        self._url = url
        self._name = url.partition("?")[0].rpartition("@")[2]  # without what may be secret
        self._method = method
        self._headers = {"Content-Type": "application/json", **headers}
        self._client = client

    async def __call__(self, request: TokenRequest) -> ConnectionDetails:
        import httpx

        from lktrio import proto
        from lktrio.proto.codec import from_json, to_json

        body = to_json(request.to_proto(), proto_names=True)
        try:
            status, content = await self._send(body)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            problem = f"{type(error).__name__}: {printable(str(error))}"
            raise TokenError(f"the token endpoint {self._name} failed: {problem}") from error
        if not OK <= status < REDIRECTS:
            raise TokenError(f"the token endpoint {self._name} answered with status {status}")
        try:
            answer = from_json(proto.TokenSourceResponse, content or b"")
        except RemoteProtocolError as error:
            raise TokenError(
                f"the token endpoint {self._name} answered with something else than a token"
            ) from error
        if not answer.server_url or not answer.participant_token:
            raise TokenError(f"the token endpoint {self._name} answered without a URL or a token")
        return ConnectionDetails(
            server_url=answer.server_url, participant_token=answer.participant_token
        )

    async def _send(self, body: str) -> tuple[int, bytes | None]:
        """Status and body of the answer; None for a body that is too long."""
        async with AsyncExitStack() as stack:
            client = self._client
            if client is None:
                client = await stack.enter_async_context(new_client(self._url))
            response = await stack.enter_async_context(
                client.stream(self._method, self._url, content=body, headers=self._headers)
            )
            return response.status_code, await read_body(response, MAX_ANSWER)
