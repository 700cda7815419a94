"""Servers for tests of the server side: embedded on a simulated network, or a real one.

A place is a server as its clients know it: an address on a network, and who signs tokens for it.
On the simulated network, which has one machine, nothing waits for real time in tests that are
marked ``virtual_time``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Unpack
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from lktrio.api import LiveKitAPI
from lktrio.auth import AccessToken, VideoGrants
from lktrio.devserver import DevServer, DevServerOptions, open_dev_server
from lktrio.net.http import NetworkTransport
from lktrio.net.network import Network
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.testing import SimulatedNetwork
from tests.support.servers import KEY, SECRET, URL

__all__ = ["Place", "open_place", "place_of", "serve_place"]

_CLAIMS = ("name", "metadata", "attributes", "kind")


class Place:
    """A server, and a room of its own for the test.

    Args:
        url: Where it is.
        key: The key that tokens for it are signed with.
        secret: Its secret.
        network: The network that leads to it.
        room: A room that nobody else is in.
    """

    def __init__(
        self, url: str, key: str, secret: str, network: Network, room: str = "room"
    ) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.url, self.key, self.secret = url, key, secret
        self.network = network
        self.address = (parts.hostname, parts.port)
        self.room = room

    def token(self, identity: str, room: str = "", **claims: Any) -> str:
        """A token that lets somebody join."""
        others = {name: claims.pop(name) for name in _CLAIMS if name in claims}
        values: dict[str, Any] = {"room_join": True, "room": room or self.room, **claims}
        token = AccessToken(identity=identity, video=VideoGrants(**values), **others)
        return token.to_jwt(self.key, self.secret)

    @asynccontextmanager
    async def api(self, token: str | None = None) -> AsyncGenerator[LiveKitAPI, None]:
        """Its server APIs, over the network that leads to it.

        Args:
            token: Of who asks; None for tokens that the key is good for.
        """
        transport = NetworkTransport(self.network.open_tcp_stream)
        key, secret = (self.key, self.secret) if token is None else (None, None)
        async with (
            httpx.AsyncClient(transport=transport) as client,
            LiveKitAPI(self.url, key, secret, token=token, client=client) as lk,
        ):
            yield lk


@asynccontextmanager
async def serve_place(**options: Unpack[DevServerOptions]) -> AsyncGenerator[Place, None]:
    """The embedded server on a simulated network, for the time of the block."""
    network = options.setdefault("network", SimulatedNetwork().host("machine", "192.0.2.1"))
    async with open_dev_server(**options) as server:
        yield place_of(server, network)


def place_of(server: DevServer, network: Network = SYSTEM_NETWORK) -> Place:
    """A server as its clients know it."""
    return Place(server.url, server.api_key, server.api_secret, network)


@asynccontextmanager
async def open_place(kind: str) -> AsyncGenerator[Place, None]:
    """One of `tests.support.servers.SERVERS`, for the time of the block."""
    if kind == "livekit":
        yield Place(URL, KEY, SECRET, SYSTEM_NETWORK, f"room-{uuid4()}")
        return
    async with serve_place() as place:
        yield place
