"""Where a room's server can be reached, over the life of the room.

Theory of operation: a server is reached at the URL that the program gave. LiveKit Cloud has more:
the regions of a project, which are looked up when the first place fails, and which a ``leave`` may
name; and a URL for coming back, which the answer to a join may name. A place that failed is not
tried again until all others have failed too, or a link worked.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import trio

from lktrio._regions import Regions, is_cloud, place_of
from lktrio.errors import ConnectError, ConnectTimeout, JoinRejected, ServerUnreachable
from lktrio.room.options import RoomOptions
from lktrio.signal import LeaveReceived

__all__ = ["ServerPlaces", "is_of_the_place"]

_SERVER_ERRORS = 500


class ServerPlaces:
    """The URLs of a room's server.

    Args:
        url: The one that the program gave.
        options: Where connections are opened, and whether regions are used.

    Attributes:
        url: The one to use now.
    """

    def __init__(self, url: str, options: RoomOptions) -> None:
        self.url = url
        self._first = url
        self._options = options
        self._named: list[str] = []
        self._failed: set[str] = set()
        self._has_regions = options.regions and is_cloud(urlsplit(url).hostname or "")

    def named(self, urls: Sequence[str]) -> None:
        """The server has named these, the best first: the first of them is next."""
        self._named = [url for url in urls if url]
        if self._named:
            self._failed.clear()
            self.url = self._named[0]

    def worked(self) -> None:
        """A link works: whatever failed may work again."""
        self._failed.clear()

    async def failed(self, token: str) -> bool:
        """Go on with another place, if there is one.

        Args:
            token: The access token, to look up the regions with.

        Returns:
            Whether the place is one that has not failed yet.
        """
        await trio.lowlevel.checkpoint()
        self._failed.add(place_of(self.url))
        known = [*self._named, self._first]
        if self._has_regions:
            known += await self._look_up(token)
        for url in known:
            if place_of(url) not in self._failed:
                self.url = url
                return True
        self._failed.clear()
        self.url = self._first
        return False

    async def _look_up(self, token: str) -> list[str]:
        # Slow to import, and of use for Cloud alone.
        import httpx

        from lktrio.net.http import NetworkTransport

        options = self._options
        parts = urlsplit(self._first)
        secure = parts.scheme in ("wss", "https")
        context = (options.ssl_context or ssl.create_default_context()) if secure else None
        connect = options.open_tcp_stream or options.network.open_tcp_stream
        base = f"http{'s' if secure else ''}://{parts.netloc}"
        async with httpx.AsyncClient(transport=NetworkTransport(connect, context)) as client:
            found = await Regions(client, base).list({"Authorization": f"Bearer {token}"})
        return [f"ws{url.removeprefix('http')}" for url in found]


def is_of_the_place(error: ConnectError) -> bool:
    """Whether a join failed for a reason that another place may not have."""
    if isinstance(error, LeaveReceived):
        return False
    if isinstance(error, JoinRejected):
        return error.status is None or error.status >= _SERVER_ERRORS
    return isinstance(error, (ServerUnreachable, ConnectTimeout))
