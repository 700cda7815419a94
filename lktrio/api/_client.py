"""The HTTP client of the server APIs: what is needed of one, and our own.

Calls carry a token and have a deadline of their own, so nothing is wanted of a client but to turn a
request into an answer. What httpx's client does besides (cookies, redirects, authentication, a log
line) takes as long as a quarter of a call.
"""

from __future__ import annotations

from typing import Protocol

import httpx  # noqa: ASYNC127 - the design's choice

from ._transport import Transport

__all__ = ["Client", "HttpClient"]


class HttpClient(Protocol):
    """What calls go through; an ``httpx.AsyncClient`` is one."""

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        ...

    def build_request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        content: bytes = b"",
        timeout: None = None,
    ) -> httpx.Request:
        """Make a request."""
        ...

    async def send(
        self, request: httpx.Request, *, follow_redirects: bool = False
    ) -> httpx.Response:
        """Send a request and return its answer, whole.

        Raises:
            httpx.HTTPError: There is none.
        """
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...


class Client:
    """A client on connections of ours, which adds nothing to a request."""

    def __init__(self) -> None:
        self.is_closed = False
        self._transport = Transport()
        self._urls: dict[str, httpx.URL] = {}

    def build_request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        content: bytes = b"",
        timeout: None = None,
    ) -> httpx.Request:
        """Make a request."""
        parsed = self._urls.get(url)
        if parsed is None:  # which takes longer than the rest of the request
            parsed = self._urls[url] = httpx.URL(url)
        own = {"Host": parsed.netloc.decode("ascii"), "Content-Length": str(len(content))}
        stream = httpx.ByteStream(content)
        return httpx.Request(method, parsed, headers=own | headers, stream=stream)

    async def send(
        self, request: httpx.Request, *, follow_redirects: bool = False
    ) -> httpx.Response:
        """Send a request and return its answer, whole; see `Transport`."""
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        self.is_closed = True
        await self._transport.aclose()
