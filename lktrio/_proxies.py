"""Which proxy leads to a server: what a program says about it, and what its environment says.

Theory of operation: there is one rule for everything that is connected to by name of a server. What
the program names is used for all of it. Otherwise the environment is looked at as curl, Python's
``urllib`` and httpx do: ``HTTPS_PROXY`` is for ``https`` and ``wss``, ``HTTP_PROXY`` for ``http``
and ``ws``, ``ALL_PROXY`` for what has no variable of its own, each in lower case too, and
``NO_PROXY`` lists what is reached without (names with all that is below them, addresses, networks
such as ``10.0.0.0/8``, ``*``). As in browsers, an address of this machine never needs a proxy of
the environment. On Windows and macOS the settings of the system are used where there are no such
variables.
"""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from lktrio._text import printable

__all__ = ["UNAUTHORISED", "Proxy", "environment_proxy", "find_proxy", "http_refusal"]

_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_SCHEME_OF: Final = {"ws": "http", "wss": "https"}
_HOST = re.compile(r"[A-Za-z0-9._:%-]+")
_MAX_SOCKS_FIELD = 255  # bytes of a name or password (RFC 1929 section 2)
_SYSTEM_SETTINGS = ("win32", "darwin")
_EXAMPLE = "http://proxy.example.com:3128"

UNAUTHORISED = (401, 407)
"""Statuses with which proxies ask for other credentials; tinyproxy answers wrong ones with 401."""
_REFUSALS: Final = {
    403: "it does not allow this connection: ask for host and port to be allowed there, or name "
    "the host in NO_PROXY if it can be reached without a proxy",
    502: "it could not reach the server: check the server's URL",
    503: "it could not reach the server: check the server's URL",
    504: "the server did not answer it: check the server's URL",
}
_NO_PROXY_THERE = (
    "what answers there may be no proxy, or one that does not know CONNECT: check its host and port"
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, as its URL describes it."""

    scheme: str
    """``http`` or ``https`` (CONNECT, RFC 9110 section 9.3.6), ``socks5`` or ``socks5h`` (RFC 1928;
    the proxy looks names up in both)."""
    host: str
    """Name or address, without brackets."""
    port: int
    """Where it listens."""
    username: str = field(default="", repr=False)
    """For it; empty if it asks for none."""
    password: str = field(default="", repr=False)
    """For it."""
    origin: str = ""
    """Where it is named, if not by the program; for messages."""

    @classmethod
    def parse(cls, url: str, origin: str = "") -> Proxy:
        """Take the URL of a proxy apart; without a scheme, it is ``http``.

        Raises:
            ValueError: It is none; the message holds neither user name nor password.
        """
        url = url.strip()
        url = url if "://" in url else f"http://{url}"
        try:
            proxy = cls._parsed(url, origin)
        except ValueError:
            proxy = None
        if proxy is None:
            raise ValueError(_advice(url, origin)) from None
        if proxy.is_socks and not _fits_socks(proxy.username, proxy.password):
            raise ValueError(f"{proxy}: SOCKS takes names and passwords of 1 to 255 bytes")
        if not proxy.is_socks and ":" in proxy.username:
            raise ValueError(f"{proxy}: a user name for an HTTP proxy holds no colon")
        return proxy

    @classmethod
    def _parsed(cls, url: str, origin: str) -> Proxy | None:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
        if (
            parts.scheme not in _PORTS
            or parts.port == 0
            or not _HOST.fullmatch(host)
            or parts.path not in ("", "/")
            or parts.query
            or parts.fragment
        ):
            return None
        return cls(
            parts.scheme,
            host,
            parts.port or _PORTS[parts.scheme],
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            origin,
        )

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS5, not HTTP."""
        return self.scheme.startswith("socks")

    @property
    def has_credentials(self) -> bool:
        """Whether a name and a password are known."""
        return bool(self.username or self.password)

    @property
    def place(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __str__(self) -> str:
        return f"the proxy {self.place} {self.origin}".rstrip()


def find_proxy(given: str | None, named: str) -> Proxy | None:
    """The proxy to use.

    Args:
        given: The URL of a proxy that the program names, empty for none; None if it does not say.
        named: The one that the environment names, empty for none; looked at if ``given`` is None.

    Raises:
        ValueError: It cannot be used; the message says what to do, without name and password.
    """
    if given is not None:
        return Proxy.parse(given) if given.strip() else None
    return Proxy.parse(named, "of the environment") if named else None


def environment_proxy(url: str) -> str:
    """The URL of the proxy that the environment names for a URL; empty if there is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # whoever calls it says what is wrong with it
        return ""
    if not host or not _says_anything() or _is_this_machine(host):
        return ""
    # Slow to import, and of use only with a proxy.
    from urllib.request import getproxies, proxy_bypass

    scheme = _SCHEME_OF.get(parts.scheme, parts.scheme)
    port = port or _PORTS.get(scheme, 0)
    proxies = getproxies()
    excepted = [name.strip() for name in proxies.get("no", "").split(",")]
    if "*" in excepted or _in_networks(host, excepted):
        return ""
    if proxy_bypass(host) or proxy_bypass(f"{host}:{port}"):
        return ""
    return (proxies.get(scheme) or proxies.get("all") or "").strip()


def _says_anything() -> bool:
    return sys.platform in _SYSTEM_SETTINGS or any(
        name.lower().endswith("_proxy") for name in os.environ
    )


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_networks(host: str, names: list[str]) -> bool:
    """Whether an address is in one of the networks among some names."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for name in names:
        if "/" in name:
            try:
                if address in ipaddress.ip_network(name, strict=False):
                    return True
            except ValueError:  # no network: nothing is in it
                continue
    return False


def _fits_socks(*fields: str) -> bool:
    sizes = [len(text.encode()) for text in fields]
    return not any(sizes) or all(0 < size <= _MAX_SOCKS_FIELD for size in sizes)


def _advice(url: str, origin: str) -> str:
    scheme, _, rest = url.partition("://")
    place = f"{scheme}://{rest.rpartition('@')[2]}"
    proxy = f"the proxy {place!r} {origin}".rstrip()
    if origin:
        return (
            f"{proxy} is none that can be used: set HTTP_PROXY, HTTPS_PROXY or ALL_PROXY to a URL "
            f"such as {_EXAMPLE}, or unset it"
        )
    return f"{proxy} is none that can be used: give a URL such as {_EXAMPLE} or socks5://..."


def http_refusal(status: int, *, had_credentials: bool, asks_for: str = "") -> str:
    """What is to be done about a status with which a proxy refuses to connect.

    Args:
        status: The HTTP status.
        had_credentials: Whether it was given a name and a password.
        asks_for: The value of its ``Proxy-Authenticate``.
    """
    if status in UNAUTHORISED:
        schemes = [part.split()[0] for part in asks_for.split(",") if part.split()]
        if schemes and "basic" not in [scheme.lower() for scheme in schemes]:
            return f"it asks for {printable(schemes[0], 40)}, and only Basic is known here"
        if had_credentials:
            return "it refused the user name or the password in the URL of the proxy"
        return (
            "it asks for a user name and a password: put them into the URL of the proxy, as in "
            "http://name:password@proxy.example.com:3128"
        )
    return _REFUSALS.get(status, _NO_PROXY_THERE)
