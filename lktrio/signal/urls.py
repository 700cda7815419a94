"""The addresses of a LiveKit server's signalling, made from the URL that the user gave."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from lktrio.signal.options import SignalVersion

__all__ = ["SignalUrl"]

_SECURE = {"ws": False, "wss": True, "http": False, "https": True}
_PATHS: dict[SignalVersion, str] = {"v0": "/rtc", "v1": "/rtc/v1"}
_PATH_SAFE = "/%:@!$&'()*+,;=~"  # RFC 3986 section 3.3: what a path holds unescaped


@dataclass(frozen=True, slots=True)
class SignalUrl:
    """A server's base URL, taken apart."""

    secure: bool
    """Whether TLS is used."""
    host: str
    """Name or address, without brackets."""
    port: int
    path: str
    """What the URL has before the signalling path, without a slash at the end."""
    query: str
    """What the URL has behind a question mark; kept in every request."""

    @classmethod
    def parse(cls, url: str) -> SignalUrl:
        """Take a ``ws``, ``wss``, ``http`` or ``https`` URL apart; sub-paths are kept.

        Raises:
            ValueError: It is not such a URL; the message says what to do.
        """
        # Callers may be untyped, and what os.environ.get() does not find is None.
        is_text = isinstance(url, str)  # pyright: ignore[reportUnnecessaryIsInstance]
        if not is_text or not url.strip():
            raise ValueError(f"{url!r} is not a LiveKit URL: pass one like wss://example.com")
        if "@" in url.partition("//")[2].partition("/")[0]:  # before any message shows the URL
            raise ValueError("a LiveKit URL holds no user name or password: pass a token")
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError as error:
            raise ValueError(f"{url!r} is not a LiveKit URL: {error}") from None
        if parts.scheme not in _SECURE:
            raise ValueError(f"{url!r} is not a LiveKit URL: start it with wss:// or ws://")
        if not parts.hostname:
            raise ValueError(f"{url!r} names no host")
        _check_host(url, parts.hostname)
        secure = _SECURE[parts.scheme]
        if port is None:
            port = 443 if secure else 80
        path = quote(parts.path.rstrip("/"), safe=_PATH_SAFE)
        return cls(secure, parts.hostname, port, path, parts.query)

    @property
    def host_header(self) -> str:
        """The value of the Host header (RFC 9110 section 7.2)."""
        host = self.host if self.host.isascii() else self.host.encode("idna").decode()
        host = f"[{host}]" if ":" in host else host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def resource(self, version: SignalVersion, query: str, *, validate: bool = False) -> str:
        """Path and query to join, or to ask whether joining would work."""
        path = self.path + _PATHS[version] + ("/validate" if validate else "")
        return f"{path}?{'&'.join(filter(None, (self.query, query)))}"

    def http(self, resource: str) -> str:
        """The ``http`` or ``https`` URL of a resource."""
        return f"http{'s' if self.secure else ''}://{self.host_header}{resource}"


def _check_host(url: str, host: str) -> None:
    """Refuse names that no name server can be asked for; the resolver's error would be obscure."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError(f"{url!r} names a host that cannot exist: {host!r}") from None
