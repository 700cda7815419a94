"""The servers that interoperability is tested on: the embedded one, and a real one if given."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import trio

import lktrio
from lktrio.devserver import open_dev_server

__all__ = ["SERVERS", "Server", "open_server"]

URL = os.environ.get("LIVEKIT_URL", "")
KEY = os.environ.get("LIVEKIT_API_KEY", "")
SECRET = os.environ.get("LIVEKIT_API_SECRET", "")

SERVERS = [
    "embedded",
    pytest.param(
        "real",
        marks=[
            pytest.mark.livekit_server,
            pytest.mark.skipif(
                not (URL and KEY and SECRET), reason="LIVEKIT_URL and its keys are not set"
            ),
        ],
    ),
]
"""To be parametrized over."""


@dataclass
class Server:
    """A server with a room of its own for the test."""

    url: str
    key: str
    secret: str = field(repr=False)
    room: str = field(default_factory=lambda: f"interop-{uuid4()}")

    def token(self, identity: str, **grants: Any) -> str:
        """A token for the room."""
        video = lktrio.VideoGrants(room_join=True, room=self.room, **grants)
        return lktrio.AccessToken(identity=identity, video=video).to_jwt(self.key, self.secret)


@asynccontextmanager
async def open_server(which: str) -> AsyncGenerator[Server, None]:
    """The server of that name, running for the time of the block."""
    if which == "real":
        await trio.lowlevel.checkpoint()
        yield Server(URL, KEY, SECRET)
        return
    async with open_dev_server() as server:
        yield Server(server.url, server.api_key, server.api_secret)
