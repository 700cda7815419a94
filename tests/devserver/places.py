"""The embedded server and a real one, as the clients of these tests know a server."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from lktrio.auth import AccessToken, VideoGrants
from tests.interop.support.servers import Server, open_server

__all__ = ["ServerPlace", "open_place"]


class ServerPlace:
    """A server with a room of its own for each test."""

    def __init__(self, server: Server) -> None:
        port = urlsplit(server.url).port
        assert port is not None
        self.port = port
        self.room = server.room
        self._server = server

    def token(self, identity: str, room: str, **grants: Any) -> str:
        claims = {name: grants.pop(name) for name in ("attributes",) if name in grants}
        video = VideoGrants(room_join=True, room=room, **grants)
        token = AccessToken(identity=identity, video=video, **claims)
        return token.to_jwt(self._server.key, self._server.secret)


@asynccontextmanager
async def open_place(which: str) -> AsyncGenerator[ServerPlace, None]:
    """One of `tests.interop.support.servers.SERVERS`, for the time of the block."""
    async with open_server(which) as server:
        yield ServerPlace(server)
