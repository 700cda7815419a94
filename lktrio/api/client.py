"""LiveKitAPI: all server APIs behind one object."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from urllib.parse import urlsplit

import trio

from lktrio._http import new_client
from lktrio._proxies import find_proxy
from lktrio._regions import http_url
from lktrio._running import require_trio
from lktrio.auth import AccessToken
from lktrio.auth._keys import key_pair, stripped
from lktrio.errors import LocalProtocolError

from ._failover import FailoverMode
from ._twirp import Connection, Service

if TYPE_CHECKING:
    import httpx

    from .agent_db import AgentDBService
    from .agent_dispatch import AgentDispatchService
    from .agent_simulation import AgentSimulationService
    from .cloud_agent import CloudAgentService
    from .connector import ConnectorService
    from .egress import EgressService
    from .ingress import IngressService
    from .phone_number import PhoneNumberService
    from .replay import ReplayService
    from .room_service import RoomService
    from .sip import SIPService

__all__ = ["LiveKitAPI"]

URL_VARIABLE = "LIVEKIT_URL"
TOKEN_VARIABLE = "LIVEKIT_TOKEN"  # noqa: S105 - the name of a variable
KEY_VARIABLES = ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
AGENTS_URL_VARIABLE = "LK_AGENTS_URL"

ServiceT = TypeVar("ServiceT", bound=Service)


class LiveKitAPI:
    """All server APIs of one LiveKit server or Cloud project.

    ::

        async with LiveKitAPI("wss://example.livekit.cloud", key, secret) as lk:
            room = await lk.room.create_room(CreateRoomRequest(name="demo"))

    Every method takes its request message and returns its answer. Each call is signed with a
    token that grants what the call needs and nothing else. A call that is cancelled is dropped;
    whether the server has carried it out is then not known. One object may be used by many tasks.

    Args:
        url: URL of the server, ``http``, ``https``, ``ws`` or ``wss``; a path is kept.
            ``LIVEKIT_URL`` if None.
        api_key: API key; ``LIVEKIT_API_KEY`` if None.
        api_secret: Its secret; ``LIVEKIT_API_SECRET`` if None.
        token: A ready-made token, sent as it is instead of tokens signed for each call. If there
            is neither a key nor a token, ``LIVEKIT_TOKEN`` is looked up before the key.
        client: HTTP client to use, for a TLS context of its own. It is not closed, and its timeouts
            are not used: the deadline is the caller's cancel scope.
        proxy: URL of a proxy (``http://``, ``https://``, ``socks5://``, ``socks5h://``), with name
            and password if it asks for them; empty for none. None does what the environment says
            (``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``).
        failover: When a failed call goes on to another region: ``"cloud"`` for projects of LiveKit
            Cloud, ``"always"``, or ``"never"``. A region that the project may not use sends Cloud
            calls on in any case.
        agents_url: URL of the Cloud agent service; ``LK_AGENTS_URL`` if None, else that of the
            project's Cloud domain.

    Raises:
        TypeError: A value is of the wrong type; the message names it.
        ValueError: There is no URL, or no key and no token; the proxy is none, or there is a client
            beside it, which has proxies of its own; or, when the block is entered, the
            proxy or the certificates that the environment names cannot be used.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        token: str | None = None,
        client: httpx.AsyncClient | None = None,
        proxy: str | None = None,
        failover: FailoverMode = "cloud",
        agents_url: str | None = None,
    ) -> None:
        url = os.environ.get(URL_VARIABLE, "") if url is None else url
        if not url:
            raise ValueError(f"no server URL: pass it, or set {URL_VARIABLE}")
        if failover not in ("cloud", "always", "never"):
            raise ValueError(f'failover is "cloud", "always" or "never", not {failover!r}')
        if client is not None and not hasattr(client, "aclose"):
            raise TypeError(f"client must be an httpx.AsyncClient, not {type(client).__name__}")
        if client is not None and proxy is not None:
            raise ValueError("give the proxy to the client: it is not used with a client of yours")
        find_proxy(proxy, "")
        self.url = http_url(url)
        self._agents_url = agents_url
        self._sign = _signer(api_key, api_secret, token)
        self._failover: FailoverMode = failover
        self._client = client
        self._proxy = proxy
        self._owns_client = client is None
        self._connections: dict[str, Connection] = {}
        self._services: dict[str, Service] = {}

    async def __aenter__(self) -> Self:
        require_trio("LiveKitAPI")
        await trio.lowlevel.checkpoint()
        if self._client is None:
            self._client = new_client(self.url, self._proxy)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the HTTP client, unless it was passed in; may be called twice."""
        if self._owns_client and self._client is not None:
            await self._client.aclose()
        await trio.lowlevel.checkpoint()

    def __repr__(self) -> str:
        return f"LiveKitAPI({self.url!r})"

    @property
    def room(self) -> RoomService:
        """Rooms and participants."""
        return cast("RoomService", self._service("room_service", "RoomService"))

    @property
    def egress(self) -> EgressService:
        """Recording and streaming."""
        return cast("EgressService", self._service("egress", "EgressService"))

    @property
    def ingress(self) -> IngressService:
        """Media from other protocols."""
        return cast("IngressService", self._service("ingress", "IngressService"))

    @property
    def sip(self) -> SIPService:
        """Telephony."""
        return cast("SIPService", self._service("sip", "SIPService"))

    @property
    def agent_dispatch(self) -> AgentDispatchService:
        """Sending agents to rooms."""
        return cast("AgentDispatchService", self._service("agent_dispatch", "AgentDispatchService"))

    @property
    def connector(self) -> ConnectorService:
        """Calls of WhatsApp and Twilio."""
        return cast("ConnectorService", self._service("connector", "ConnectorService"))

    @property
    def phone_numbers(self) -> PhoneNumberService:
        """LiveKit Cloud's telephone numbers."""
        return cast("PhoneNumberService", self._service("phone_number", "PhoneNumberService"))

    @property
    def cloud_agents(self) -> CloudAgentService:
        """Agents deployed to LiveKit Cloud."""
        url = self._agents_url or os.environ.get(AGENTS_URL_VARIABLE) or _agents_url(self.url)
        return cast("CloudAgentService", self._service("cloud_agent", "CloudAgentService", url))

    @property
    def agent_simulation(self) -> AgentSimulationService:
        """Evaluating agents."""
        found = self._service("agent_simulation", "AgentSimulationService")
        return cast("AgentSimulationService", found)

    @property
    def agent_db(self) -> AgentDBService:
        """Databases of agents on LiveKit Cloud."""
        return cast("AgentDBService", self._service("agent_db", "AgentDBService"))

    @property
    def replay(self) -> ReplayService:
        """Stored sessions of LiveKit Cloud."""
        return cast("ReplayService", self._service("replay", "ReplayService"))

    def _service(self, module: str, name: str, url: str | None = None) -> Service:
        """The service of a module, which is loaded when it is first used."""
        if self._client is None:
            raise LocalProtocolError("use LiveKitAPI as `async with LiveKitAPI(...) as lk:`")
        service = self._services.get(name)
        if service is None:
            cls: Any = getattr(import_module(f"{__package__}.{module}"), name)
            connection = self._connection(http_url(url or self.url))
            service = self._services[name] = cast("Service", cls(connection))
        return service

    def _connection(self, url: str) -> Connection:
        connection = self._connections.get(url)
        if connection is None:
            assert self._client is not None
            connection = Connection(self._client, url, self._sign, self._failover)
            self._connections[url] = connection
        return connection


def _signer(
    api_key: str | None, api_secret: str | None, token: str | None
) -> Callable[[AccessToken], str]:
    """What turns the token of a call into text."""
    if token is None and api_key is None and api_secret is None:
        token = os.environ.get(TOKEN_VARIABLE) or None
    if token is not None:
        ready = stripped(token, "token")
        if not ready.isascii() or not ready.isprintable() or not ready or " " in ready:
            raise ValueError("the token is empty, or has characters that no token has")
        return lambda _: ready
    try:
        key, secret = key_pair(api_key, api_secret)
    except ValueError as error:
        raise ValueError(
            f"no API key and secret: pass them or a token, or set {' and '.join(KEY_VARIABLES)}"
        ) from error
    return lambda access_token: access_token.to_jwt(key, secret)


def _agents_url(url: str) -> str:
    """The URL of the agent service: that of the project with ``agents`` for its name."""
    host = urlsplit(url).hostname or ""
    if not host.endswith(".livekit.cloud"):
        return url
    return re.sub(r"^https?://[^.]+\.", "https://agents.", url)
