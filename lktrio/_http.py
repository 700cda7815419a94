"""HTTP clients: how the library makes one, and reads what it answers.

Every part that makes calls takes a client of the caller's; without one, the client made here is
used. It follows the environment about proxies as everything else does (see `lktrio._proxies`), and
about certificates as httpx does (``SSL_CERT_FILE``, ``SSL_CERT_DIR``).
"""

from __future__ import annotations

import os
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import trio

from lktrio._proxies import Proxy, environment_proxy, find_proxy

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = ["new_client", "read_body"]


def new_client(url: str, proxy: str | None = None) -> httpx.AsyncClient:
    """A client for calls to a URL, without a timeout (deadlines are cancel scopes) and cookies.

    Args:
        url: What it is for; others may be called as well.
        proxy: The URL of a proxy for all calls, empty for none; None does what the environment
            says.

    Raises:
        ValueError: The URL is none, or the proxy or the certificates of the environment cannot be
            used.
    """
    # Slow to import, and rooms need none of it.
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx

    from lktrio._http_proxies import ProxyTransport

    try:
        httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"the URL is none that can be called: {error}") from error
    find = partial(_find, proxy)
    find(url)
    return httpx.AsyncClient(
        transport=ProxyTransport(find, _ssl_context()),
        timeout=None,  # noqa: S113 - the caller's scope is it
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        trust_env=False,
    )


def _find(given: str | None, url: str) -> Proxy | None:
    return find_proxy(given, environment_proxy(url) if given is None else "")


async def read_body(  # noqa: ASYNC910 - whatever is read of the network is a checkpoint
    response: httpx.Response, limit: int
) -> bytes | None:
    """The body of a streamed answer, or None if it has more bytes than that.

    Raises:
        httpx.HTTPError: The connection broke.
    """
    body = bytearray()
    # Cancelled rather than left early: leaving a loop over httpx' generators leaves them open.
    with trio.CancelScope() as enough:
        async for chunk in response.aiter_bytes():
            if len(body) <= limit:
                body += chunk
            if len(body) > limit:
                enough.cancel()
    return bytes(body) if len(body) <= limit else None


def _ssl_context() -> ssl.SSLContext:
    return _context_for(*map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")))


@lru_cache(maxsize=4)  # reading all certificates takes longer than a call
def _context_for(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    import httpx

    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise ValueError(
            f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be loaded: {error}"
        ) from error
