"""The regions of LiveKit Cloud in which a project can be reached.

Theory of operation: a project of LiveKit Cloud is reached by one host name, and ``GET
/settings/regions`` there lists the URLs of its regions, nearest first. The list is kept as long as
its ``Cache-Control`` says; if it cannot be fetched, the old one serves. Those who ask at the same
time, as they do when a region goes down, share one fetch.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio

from lktrio._http import read_body
from lktrio._text import printable
from lktrio.errors import RemoteProtocolError
from lktrio.proto import RegionSettings
from lktrio.proto.codec import from_json

if TYPE_CHECKING:
    import httpx

__all__ = ["RegionList", "Regions", "http_url", "is_cloud", "place_of", "urls_of"]

SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
EXAMPLE = "wss://example.livekit.cloud"
DISCOVERY_TIMEOUT = 2.0
MAX_REGIONS = 64
MAX_SETTINGS = 256 * 1024
"""Bytes of the list of regions that are taken into memory."""

logger = logging.getLogger("lktrio.regions")


def http_url(url: str) -> str:
    """A server URL as HTTP clients take it: ``ws`` becomes ``http``, without a slash at the end.

    White space around it, such as the line end of a file, is taken away.

    Raises:
        ValueError: It has another scheme, or no host, or is no URL at all.
    """
    # Callers may be untyped.
    if not isinstance(url, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"{url!r} is not a server URL such as {EXAMPLE}")
    found = _http_url(url.strip())
    if found is None:
        shown = url.rpartition("@")[2]  # without user and password
        raise ValueError(f"{shown!r} is not a server URL such as {EXAMPLE}")
    return found


def _http_url(url: str) -> str | None:
    import httpx

    try:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            return None
        host = parts.netloc.rpartition("@")[2]
        found = f"{SCHEMES[parts.scheme]}://{host}{parts.path}".rstrip("/")
        httpx.URL(found)
    except (ValueError, httpx.InvalidURL):
        return None
    return found


@dataclass(frozen=True, slots=True)
class RegionList:
    """The regions of a project, as they were last listed."""

    urls: Sequence[str] = ()
    """Where they are, nearest first."""
    until: float = -math.inf
    """How long the list may be kept, by trio's clock."""


class Regions:
    """The regions of one server, fetched when they are needed.

    Args:
        client: Asks for them.
        base: URL of the server.
        listed: What is known of them.
        kept: Seconds that a list is kept if the answer does not say.

    Attributes:
        listed: What is known of them.
        fetches: How often the list was asked for.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        base: str,
        listed: RegionList | None = None,
        *,
        kept: float = 0.0,
    ) -> None:
        parts = urlsplit(base)
        self._client = client
        self._url = f"{parts.scheme}://{parts.netloc}/settings/regions"
        self.listed = listed or RegionList()
        self._kept = kept
        self._fetching = trio.Lock()
        self._fetched_at = -math.inf
        self.fetches = 0

    async def list(self, headers: dict[str, str], *, anew: bool = False) -> Sequence[str]:
        """The URLs of the regions, nearest first; empty if nothing is known.

        Args:
            headers: Headers of the request, with its authorization.
            anew: Fetch them even if those known are recent.
        """
        asked_at = trio.current_time()
        await trio.lowlevel.checkpoint()
        if not anew and asked_at < self.listed.until:
            return self.listed.urls
        with trio.move_on_after(DISCOVERY_TIMEOUT):
            async with self._fetching:
                if self._fetched_at < asked_at:
                    await self._update(headers)
        return self.listed.urls

    async def _update(self, headers: dict[str, str]) -> None:
        self._fetched_at = trio.current_time()
        self.fetches += 1
        found = await self._fetch(headers)
        if found is not None:
            self.listed = found

    async def _fetch(self, headers: dict[str, str]) -> RegionList | None:
        import httpx

        await trio.lowlevel.checkpoint()
        try:
            async with self._client.stream(
                "GET", self._url, headers=headers, timeout=None, follow_redirects=False
            ) as response:
                response.raise_for_status()
                body = await read_body(response, MAX_SETTINGS)
            settings = from_json(RegionSettings, body or b"")
            urls = urls_of(settings)
            if settings.regions and not urls:
                raise RemoteProtocolError("none of their URLs can be one")
        except (httpx.HTTPError, RemoteProtocolError, ValueError) as error:
            problem = printable(str(error))
            logger.info("the regions could not be fetched from %s: %s", self._url, problem)
            return None
        return RegionList(urls, trio.current_time() + _max_age(response, self._kept))


def urls_of(settings: RegionSettings) -> list[str]:
    """The URLs of regions as HTTP clients take them, nearest first; what is none is left out."""
    found = (_http_url(region.url) for region in settings.regions[:MAX_REGIONS])
    return [url for url in found if url is not None]


def _max_age(response: httpx.Response, default: float) -> float:
    """Seconds that an answer may be kept; the default if it does not say."""
    control: str = response.headers.get("Cache-Control", "")
    for directive in control.lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name == "max-age" and value.isascii() and value.isdigit():
            return float(value[:9])
    return default


def place_of(url: str) -> str:
    """Host and port of a URL, by which regions are told apart."""
    return urlsplit(url).netloc.lower()


def is_cloud(host: str) -> bool:
    """Whether a host is one of LiveKit Cloud, which has regions."""
    return host.endswith((".livekit.cloud", ".livekit.run"))
