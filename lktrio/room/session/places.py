"""Where a room's server can be reached, over the life of the room.

Theory of operation: a server is reached at the URL that the program gave. LiveKit Cloud has more:
the regions of a project, which are looked up when the first place fails, and which a ``leave`` may
name; and a URL for coming back, which the answer to a join may name. A place that failed is not
tried again until all others have failed too, or a link worked.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import trio

from lktrio._regions import RegionList, Regions, is_cloud, place_of
from lktrio._text import printable
from lktrio.errors import (
    ConnectError,
    ConnectTimeout,
    JoinRejected,
    ProxyFailed,
    ServerUnreachable,
)
from lktrio.net.network import Network
from lktrio.room.options import RoomOptions
from lktrio.room.session.dialing import dialer_of
from lktrio.signal import LeaveReceived
from lktrio.signal.urls import SignalUrl
from lktrio.signal.websocket import open_stream

__all__ = ["ServerPlaces", "is_of_the_place", "look_up_regions", "prepare_connection"]

_log = logging.getLogger("lktrio.room")

_SERVER_ERRORS = 500
_REGION_PIN = 451  # the project may use other regions only; the list then has only those
_KEPT = 5.0  # seconds that regions are kept if LiveKit Cloud does not say, as livekit-client does


class ServerPlaces:
    """The URLs of a room's server.

    Args:
        url: The one that the program gave.
        options: Where connections are opened, and whether regions are used.

    Attributes:
        url: The one to use now.
    """

    def __init__(self, url: str, options: RoomOptions) -> None:
        self.url = self._first = url
        self._options = options
        self._named: list[str] = []
        self._failed: set[str] = set()

    @property
    def _has_regions(self) -> bool:
        return self._options.regions and is_cloud(urlsplit(self._first).hostname or "")

    def given(self, url: str) -> None:
        """The program gives a URL once more; if it is another one, it is for another server."""
        if url != self._first:
            self.url = self._first = url
            self._named.clear()
            self._failed.clear()

    def named(self, urls: Sequence[str]) -> None:
        """Go on with these, which the server has named, the best first; if there are any.

        What is no URL is left out, and what is not secure although the program's is: the token
        would travel in the clear.
        """
        secure = _is_secure(self._first)
        found = [url for url in urls if _is_url(url) and _is_secure(url) >= secure]
        if found:
            self._named = found
            self._failed.clear()
            self.url = found[0]

    def worked(self) -> None:
        """A link works: whatever failed may work again."""
        self._failed.clear()

    async def failed(self, token: str, error: ConnectError) -> bool:
        """Go on with another place, if there is one.

        Args:
            token: The access token, to look up the regions with.
            error: How the place failed; regions are looked up anew if the project may not use it.

        Returns:
            Whether the place is one that has not failed yet.
        """
        await trio.lowlevel.checkpoint()
        self._failed.add(place_of(self.url))
        known = [*self._named, self._first]
        if self._has_regions:
            pinned = isinstance(error, JoinRejected) and error.status == _REGION_PIN
            known += await look_up_regions(self._first, token, self._options, anew=pinned)
        for url in known:
            if place_of(url) not in self._failed:
                self.url = url
                return True
        self._failed.clear()
        self.url = known[0]
        return False


def _is_url(url: str) -> bool:
    try:
        SignalUrl.parse(url)
    except ValueError:
        _log.info("the server names a place that is none: %s", printable(url))
        return False
    return True


_KNOWN: trio.lowlevel.RunVar[dict[tuple[Network, str], RegionList]] = trio.lowlevel.RunVar(
    "lktrio regions"
)
"""The regions that are known, by where they were looked up from and the URL of the project."""


async def look_up_regions(
    url: str, token: str, options: RoomOptions, *, anew: bool = False
) -> list[str]:
    """The URLs of a project's regions, nearest first; none if they cannot be had.

    They are kept for as long as LiveKit Cloud allows it, or else 5 s, for all rooms of a network.

    Args:
        url: The project's.
        token: The access token.
        options: Where connections are opened.
        anew: Ask for them even if those known are recent.
    """
    # Slow to import, and of use for Cloud alone.
    import httpx

    from lktrio.net.http import NetworkTransport

    parts = urlsplit(url)
    secure = _is_secure(url)
    context = (options.ssl_context or ssl.create_default_context()) if secure else None
    connect = dialer_of(options).opener(url)
    base = f"http{'s' if secure else ''}://{parts.netloc}"
    known, place = _KNOWN.get({}), (options.network, base)
    async with httpx.AsyncClient(transport=NetworkTransport(connect, context)) as client:
        regions = Regions(client, base, known.get(place), kept=_KEPT)
        found = await regions.list({"Authorization": f"Bearer {token}"}, anew=anew)
        known[place] = regions.listed
        _KNOWN.set(known)
    return [f"ws{each.removeprefix('http')}" for each in found]


async def prepare_connection(url: str, token: str = "", options: RoomOptions | None = None) -> None:
    """Get ready to join a room soon, so that the join is quicker.

    The name of the server is looked up, a connection with TLS is tried and closed again, and the
    regions of LiveKit Cloud are fetched if there is a token to do so. Best effort: what fails here
    is told by the join. Cancelled, it leaves nothing behind.

    Args:
        url: The server's.
        token: Access token, to look up regions with.
        options: Those of the join.

    Raises:
        ValueError: The URL cannot be one.
    """
    options = options or RoomOptions()
    target = SignalUrl.parse(url)
    connect = dialer_of(options).opener(url)
    try:
        stream = await open_stream(target, options.ssl_context, connect, options.timeouts.connect)
        await trio.aclose_forcefully(stream)
    except ConnectError as error:
        _log.debug("%s cannot be prepared: %s", target.place, printable(str(error)))
    if token and options.regions and is_cloud(target.host):
        await look_up_regions(url, token, options)
    await trio.lowlevel.checkpoint()


def is_of_the_place(error: ConnectError) -> bool:
    """Whether a join failed for a reason that another place may not have."""
    if isinstance(error, LeaveReceived):
        return False
    if isinstance(error, JoinRejected):
        status = error.status
        return status is None or status >= _SERVER_ERRORS or status == _REGION_PIN
    if isinstance(error, ProxyFailed):
        return not error.permanent
    return isinstance(error, (ServerUnreachable, ConnectTimeout))


def _is_secure(url: str) -> bool:
    return urlsplit(url).scheme in ("wss", "https")
