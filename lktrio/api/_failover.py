"""When a call goes to another region of LiveKit Cloud, and to which.

Theory of operation: when a request fails in a way that another region may not (no answer, or HTTP
5xx), it is sent to the next region that was not tried, after a pause that doubles; three attempts
in all, fixed, so that retries cannot overwhelm the service. HTTP 451 is different: the project may
use certain regions only. The list is fetched anew, which then has only those, and the request goes
there without a pause.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

import trio

from lktrio._regions import Regions, is_cloud, place_of
from lktrio.errors import ServerError

from ._answers import REGION_PIN, SERVER_ERRORS

__all__ = ["Failover", "FailoverMode"]

FailoverMode = Literal["cloud", "always", "never"]
"""When requests go to other regions: for hosts of LiveKit Cloud, for every host, or not at all."""

ATTEMPTS = 3
BACKOFF = 0.2
"""Seconds before the second attempt; twice that before the third."""
MIN_BUDGET = 5.0
"""Seconds that the caller must have left: with fewer, a second attempt would hardly help."""

logger = logging.getLogger("lktrio.api")


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
        self._may_redirect = mode == "always" or is_cloud(host)
        enabled = mode == "always" or (mode == "cloud" and (is_cloud(host) or single))
        self._may_retry = enabled and _time_left() >= MIN_BUDGET
        self._single = single
        self._tried = {place_of(base)}
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
        urls: Sequence[str] = ()
        if not self._single:
            urls = await self._regions.list(self._headers, anew=pinned)
        url = next((url for url in urls if place_of(url) not in self._tried), None)
        if url is None and pinned:
            return False
        logger.warning("%s failed (%s): going on with %s", self.base, error.code, url or self.base)
        if not pinned:
            await trio.sleep(BACKOFF * 2 ** (self._attempt - 1))
        self._attempt += 1
        self.base = url or self.base
        self._tried.add(place_of(self.base))
        return True


def _time_left() -> float:
    return trio.current_effective_deadline() - trio.current_time()


def _is_cloud_api(host: str) -> bool:
    """The service for Cloud's own API, which has no regions but may be retried."""
    return host.startswith("cloud-api.") and host.endswith(".livekit.io")
