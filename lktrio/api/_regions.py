"""Which other regions of LiveKit Cloud can serve a request, and when to go there.

Theory of operation: a project of LiveKit Cloud is reached by one host name, and ``GET
/settings/regions`` there lists the URLs of its regions, nearest first. When a request fails in a
way that another region may not (no answer, or HTTP 5xx), it is sent to the next region that was
not tried, after a pause that doubles; three attempts in all, fixed, so that retries cannot
overwhelm the service. HTTP 451 is different: the project may use certain regions only. The list is
fetched anew, which then has only those, and the request goes there without a pause.

The list is kept as long as its ``Cache-Control`` says; if it cannot be fetched, the old one serves.
Calls that fail at the same time, as they do when a region goes down, share one fetch.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import trio

from lktrio._http import read_body
from lktrio._text import printable
from lktrio.errors import RemoteProtocolError, ServerError
from lktrio.proto import RegionSettings
from lktrio.proto.codec import from_json

from ._answers import REGION_PIN, SERVER_ERRORS

if TYPE_CHECKING:
    import httpx

__all__ = ["Failover", "FailoverMode", "Regions", "http_url"]

FailoverMode = Literal["cloud", "always", "never"]
"""When requests go to other regions: for hosts of LiveKit Cloud, for every host, or not at all."""

SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
EXAMPLE = "wss://example.livekit.cloud"
ATTEMPTS = 3
BACKOFF = 0.2
"""Seconds before the second attempt; twice that before the third."""
MIN_BUDGET = 5.0
"""Seconds that the caller must have left: with fewer, a second attempt would hardly help."""
DISCOVERY_TIMEOUT = 2.0
MAX_SETTINGS = 256 * 1024
"""Bytes of the list of regions that are taken into memory."""

logger = logging.getLogger("lktrio.api")


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


@dataclass(slots=True)
class _Listed:
    urls: list[str]
    until: float


class Regions:
    """The regions of one server, fetched when they are needed.

    Attributes:
        fetches: How often the list was asked for.
    """

    def __init__(self, client: httpx.AsyncClient, base: str) -> None:
        parts = urlsplit(base)
        self._client = client
        self._url = f"{parts.scheme}://{parts.netloc}/settings/regions"
        self._listed = _Listed([], -math.inf)
        self._fetching = trio.Lock()
        self._fetched_at = -math.inf
        self.fetches = 0

    async def list(self, headers: dict[str, str], *, anew: bool = False) -> list[str]:
        """The URLs of the regions, nearest first; empty if nothing is known.

        Args:
            headers: Headers of the request, with its authorization.
            anew: Fetch them even if those known are recent.
        """
        asked_at = trio.current_time()
        await trio.lowlevel.checkpoint()
        if not anew and asked_at < self._listed.until:
            return self._listed.urls
        with trio.move_on_after(DISCOVERY_TIMEOUT):
            async with self._fetching:
                if self._fetched_at < asked_at:
                    await self._update(headers)
        return self._listed.urls

    async def _update(self, headers: dict[str, str]) -> None:
        self._fetched_at = trio.current_time()
        self.fetches += 1
        found = await self._fetch(headers)
        if found is not None:
            self._listed = found

    async def _fetch(self, headers: dict[str, str]) -> _Listed | None:
        import httpx

        await trio.lowlevel.checkpoint()
        try:
            async with self._client.stream(
                "GET", self._url, headers=headers, timeout=None, follow_redirects=False
            ) as response:
                response.raise_for_status()
                body = await read_body(response, MAX_SETTINGS)
            settings = from_json(RegionSettings, body or b"")
            urls = [http_url(region.url) for region in settings.regions if region.url]
        except (httpx.HTTPError, RemoteProtocolError, ValueError) as error:
            problem = printable(str(error))
            logger.info("the regions could not be fetched from %s: %s", self._url, problem)
            return None
        return _Listed(urls, trio.current_time() + _max_age(response))


def _max_age(response: httpx.Response) -> float:
    """Seconds that an answer may be kept; none unless it says so."""
    control: str = response.headers.get("Cache-Control", "")
    for directive in control.lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name == "max-age" and value.isascii() and value.isdigit():
            return float(value[:9])
    return 0.0


class Failover:
    """Decides for one call where to send it next.

    Attributes:
        base: The URL to send it to now.
    """

    def __init__(
        self, base: str, regions: Regions, mode: FailoverMode, headers: dict[str, str]
    ) -> None:
        host = urlsplit(base).hostname or ""
        single = _is_cloud_api(host) and mode != "always"
        self.base = base
        self._regions = regions
        self._headers = headers
        self._may_redirect = mode == "always" or _is_cloud(host)
        enabled = mode == "always" or (mode == "cloud" and (_is_cloud(host) or single))
        self._may_retry = enabled and _time_left() >= MIN_BUDGET
        self._single = single
        self._tried = {_host(base)}
        self._attempt = 1

    def budget(self, usual: float) -> float:
        """Seconds for the attempt that comes now.

        Args:
            usual: Seconds that such a call may take, used if the caller has no deadline.

        Returns:
            Infinity if the caller's deadline is all there is.
        """
        left = _time_left()
        if left == math.inf:
            return usual
        attempts = ATTEMPTS - self._attempt + 1 if self._may_retry else 1
        return max(usual, left / attempts) if attempts > 1 else math.inf

    async def next(self, error: ServerError) -> bool:
        """Move on after a failed attempt; whether there is anything left to try."""
        await trio.lowlevel.checkpoint()
        pinned = error.status == REGION_PIN and self._may_redirect
        retryable = error.status is None or error.status >= SERVER_ERRORS
        if self._attempt >= ATTEMPTS or not (pinned or (retryable and self._may_retry)):
            return False
        urls = [] if self._single else await self._regions.list(self._headers, anew=pinned)
        url = next((url for url in urls if _host(url) not in self._tried), None)
        if url is None and pinned:
            return False
        logger.warning("%s failed (%s): going on with %s", self.base, error.code, url or self.base)
        if not pinned:
            await trio.sleep(BACKOFF * 2 ** (self._attempt - 1))
        self._attempt += 1
        self.base = url or self.base
        self._tried.add(_host(self.base))
        return True


def _time_left() -> float:
    return trio.current_effective_deadline() - trio.current_time()


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _is_cloud(host: str) -> bool:
    return host.endswith(".livekit.cloud")


def _is_cloud_api(host: str) -> bool:
    """The service for Cloud's own API, which has no regions but may be retried."""
    return host.startswith("cloud-api.") and host.endswith(".livekit.io")
