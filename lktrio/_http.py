"""HTTP clients: how the library makes one, and reads what it answers.

Every part that makes calls takes a client of the caller's; without one, the client made here is
used. It follows the environment as httpx does (``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``,
``NO_PROXY``, ``SSL_CERT_FILE``). httpx refuses to make a client as soon as one of these variables
cannot be used, even one that the server's URL has nothing to do with; here only what concerns the
URL counts, and what is wrong with it is said in one line, without user names and passwords.
"""

from __future__ import annotations

import os
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import trio

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = ["new_client", "proxy_place", "read_body"]


def new_client(url: str) -> httpx.AsyncClient:
    """A client for calls to a URL, without a timeout (deadlines are cancel scopes) and cookies.

    Raises:
        ValueError: The URL is none, or the proxy or the certificates of the environment cannot be
            used.
    """
    import httpx

    try:
        httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"the URL is none that can be called: {error}") from error
    context = _ssl_context()

    def make(proxy: str | None = None, *, trust_env: bool) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=context,
            timeout=None,  # noqa: S113 - the caller's scope is it
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            proxy=proxy,
            trust_env=trust_env,
        )

    unusable = (ImportError, ValueError, httpx.InvalidURL)
    try:
        return make(trust_env=True)
    except unusable:
        proxy = _proxy_of(url)
    try:
        return make(proxy, trust_env=False)
    except unusable as error:
        raise ValueError(_advice(proxy or "", error)) from error


def proxy_place(url: str) -> str:
    """Scheme, host and port of the environment's proxy for a URL; empty if there is none."""
    parts = urlsplit(_proxy_of(url) or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""


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


def _proxy_of(url: str) -> str | None:
    """The URL of the environment's proxy for a URL."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    proxies = getproxies()
    if "*" in [host.strip() for host in proxies.get("no", "").split(",")]:  # as httpx reads it
        return None
    proxy = (proxies.get(parts.scheme) or proxies.get("all") or "").strip()
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _advice(proxy: str, error: Exception) -> str:
    scheme, _, rest = proxy.partition("://")
    place = f"{scheme}://{rest.rpartition('@')[2]}"
    if isinstance(error, ImportError):
        return (
            f"the proxy {place} of the environment needs SOCKS: run pip install 'httpx[socks]', "
            "or unset ALL_PROXY, HTTP_PROXY and HTTPS_PROXY, or name the server in NO_PROXY"
        )
    return (
        f"the proxy {place!r} of the environment is none that can be used: set HTTP_PROXY, "
        "HTTPS_PROXY or ALL_PROXY to a URL such as http://proxy.example.com:3128, or unset it"
    )
