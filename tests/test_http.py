"""HTTP clients of the library: what the environment sets for them, and how much they take in."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
import trustme

from lktrio._http import new_client, read_body
from lktrio._proxies import Proxy, environment_proxy, find_proxy
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.testing.cancellation import cancel_at_every_checkpoint
from tests.support.http_origin import HttpOrigin, answer
from tests.support.proxies import CompanyProxy, serve_scripted

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
OTHER = "http://livekit.invalid"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def place_of_proxy(url: str, given: str | None = None) -> str:
    found = find_proxy(given, environment_proxy(url))
    return found.place if found is not None else ""


SECURE = "https://livekit.invalid"
NAMED = "http://proxy:3128"
RULES: list[tuple[str, dict[str, str], str]] = [
    (OTHER, {}, ""),
    (OTHER, {"HTTP_PROXY": NAMED}, NAMED),
    (OTHER, {"http_proxy": "proxy:3128"}, NAMED),
    (OTHER, {"HTTP_PROXY": "http://me:hush@proxy:3128/"}, NAMED),
    (OTHER, {"HTTP_PROXY": ""}, ""),
    (OTHER, {"HTTP_PROXY": " "}, ""),
    (OTHER, {"HTTPS_PROXY": NAMED}, ""),
    ("ws://livekit.invalid", {"HTTP_PROXY": NAMED}, NAMED),
    ("wss://livekit.invalid", {"HTTPS_PROXY": NAMED}, NAMED),
    ("wss://livekit.invalid", {"HTTP_PROXY": NAMED}, ""),
    (SECURE, {"HTTPS_PROXY": "https://proxy"}, "https://proxy:443"),
    (SECURE, {"https_proxy": "http://[2001:db8::1]:3128"}, "http://[2001:db8::1]:3128"),
    (SECURE, {"ALL_PROXY": "socks5h://proxy"}, "socks5h://proxy:1080"),
    (SECURE, {"HTTP_PROXY": "ftp://proxy"}, ""),
    (SECURE, {"ALL_PROXY": "socks5://x", "HTTPS_PROXY": "proxy"}, "http://proxy:80"),
    (OTHER, {"ALL_PROXY": NAMED, "NO_PROXY": "livekit.invalid"}, ""),
    (OTHER, {"ALL_PROXY": NAMED, "NO_PROXY": "other, .invalid"}, ""),
    (OTHER, {"ALL_PROXY": NAMED, "NO_PROXY": "kit.invalid"}, NAMED),
    (SECURE, {"ALL_PROXY": NAMED, "no_proxy": "livekit.invalid:443"}, ""),
    (SECURE, {"ALL_PROXY": NAMED, "NO_PROXY": "livekit.invalid:8443"}, NAMED),
    (OTHER, {"HTTP_PROXY": "socks4://proxy:1", "NO_PROXY": "localhost, *"}, ""),
    ("https://10.1.2.3:7881", {"ALL_PROXY": NAMED, "NO_PROXY": "x/y,10.0.0.0/8"}, ""),
    ("https://10.1.2.3:7881", {"ALL_PROXY": NAMED, "NO_PROXY": "10.1.2.3"}, ""),
    ("https://11.1.2.3:7881", {"ALL_PROXY": NAMED, "NO_PROXY": "10.0.0.0/8"}, NAMED),
    ("https://[2001:db8::1]", {"ALL_PROXY": NAMED, "NO_PROXY": "2001:db8::/32"}, ""),
    ("ws://127.0.0.1:7880", {"ALL_PROXY": NAMED}, ""),
    ("ws://localhost:7880", {"ALL_PROXY": NAMED}, ""),
    ("ws://[::1]:7880", {"ALL_PROXY": NAMED}, ""),
    ("ws://host:port", {"ALL_PROXY": NAMED}, ""),
    ("7880", {"ALL_PROXY": NAMED}, ""),
]


async def test_a_proxy_of_the_environment_is_found_by_one_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for url, values, place in RULES:
        environment(monkeypatch, **values)
        assert place_of_proxy(url) == place, (url, values)
        assert place_of_proxy(url, "") == "", (url, values)
        assert place_of_proxy(url, "socks5://mine") == "socks5://mine:1080", (url, values)


def test_the_name_and_the_password_of_a_proxy_are_read_and_not_shown() -> None:
    for url, credentials in (
        ("http://me:hush@proxy", ("me", "hush")),
        ("me:hush@proxy:3128", ("me", "hush")),
        ("socks5://m%40e:hu%2Fsh@proxy", ("m@e", "hu/sh")),
        ("http://me@proxy", ("me", "")),
        ("http://proxy", ("", "")),
    ):
        proxy = Proxy.parse(url)
        assert (proxy.username, proxy.password) == credentials, url
        assert "hu" not in f"{proxy!r} {proxy} {proxy.place}", url


UNUSABLE = {
    "ftp://proxy": "the proxy 'ftp://proxy' of the environment is none that can be used: set",
    "socks4://me:hush@proxy:1": "the proxy 'socks4://proxy:1' of the environment is none",
    "http://[::1": "the proxy 'http://[::1' of the environment is none that can be used",
    "http://me:hush@proxy:port": "'http://proxy:port' of the environment is none that can be used",
    "http://me:hush@proxy:0": "'http://proxy:0' of the environment is none that can be used",
    "http://me:80/hush@proxy": "the proxy 'http://proxy' of the environment is none",
    "http://a\x1bb": "the proxy 'http://a\\x1bb' of the environment is none that can be used",
    "http://a b": "the proxy 'http://a b' of the environment is none that can be used",
    "socks5://:hush@proxy": "socks5://proxy:1080 of the environment: SOCKS takes names",
    f"socks5://me:{'hush' * 64}@proxy": "socks5://proxy:1080 of the environment: SOCKS takes names",
    "http://m%3Ae:hush@proxy": "http://proxy:80 of the environment: a user name for an HTTP proxy",
}


def test_a_proxy_that_cannot_be_used_is_told_in_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for proxy, message in UNUSABLE.items():
        for variable in ("HTTP_PROXY", "ALL_PROXY"):
            environment(monkeypatch, **{variable: proxy})
            with pytest.raises(ValueError, match="proxy") as caught:
                new_client(OTHER)
            assert message in str(caught.value), (variable, proxy)
            assert "hush" not in str(caught.value), (variable, proxy)
            assert "\n" not in str(caught.value), (variable, proxy)


def test_a_machine_without_a_proxy_loads_nothing_to_look_for_one() -> None:
    program = (
        "import os, sys\n"
        "for name in [*os.environ]:\n"
        "    if name.lower().endswith('_proxy'): del os.environ[name]\n"
        "from lktrio._proxies import environment_proxy\n"
        "assert environment_proxy('wss://a.invalid') == ''\n"
        "print('urllib.request' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == f"{sys.platform in ('win32', 'darwin')}\n"


def test_certificates_that_cannot_be_loaded_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("missing.pem", "empty.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
        with pytest.raises(ValueError, match="the certificates that SSL_CERT_FILE"):
            new_client("https://livekit.invalid")


@asynccontextmanager
async def asked(origin: HttpOrigin) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    async with origin.open() as url, new_client(url) as client:
        yield client, url


async def test_one_connection_serves_one_request_after_the_other() -> None:
    origin = HttpOrigin(answer(b"ok"))
    async with asked(origin) as (client, url):
        for _ in range(5):
            assert (await client.post(url, content=b"x")).content == b"ok"
    assert (origin.connections, len(origin.requests)) == (1, 5)


async def test_cookies_are_not_kept() -> None:
    origin = HttpOrigin(answer(b"", b"Set-Cookie: a=b\r\n"))
    async with asked(origin) as (client, url):
        for _ in range(2):
            await client.get(url)
    assert not [request for request in origin.requests if b"cookie" in request.lower()]


async def test_requests_go_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    origin = HttpOrigin(answer(b"ok"))
    async with origin.open() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        async with new_client(OTHER) as client:
            assert (await client.get(f"{OTHER}/path")).content == b"ok"
    assert origin.requests[0].startswith(b"GET http://livekit.invalid/path HTTP/1.1\r\n")


async def test_each_host_goes_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    origin, named = HttpOrigin(answer(b"directly")), HttpOrigin(answer(b"by the proxy"))
    async with origin.open() as url, named.open() as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy)
        async with new_client(OTHER) as client:
            for _ in range(2):
                assert (await client.get(url)).content == b"directly"
                assert (await client.get(OTHER)).content == b"by the proxy"
        monkeypatch.setenv("HTTPS_PROXY", "ftp://me:hush@proxy")
        async with new_client(OTHER) as client:
            with pytest.raises(httpx.ProxyError, match="'ftp://proxy' of the environment is none"):
                await client.get(SECURE)
        async with new_client(OTHER, proxy) as client:
            assert (await client.get(url)).content == b"by the proxy"
    assert (origin.connections, named.connections) == (1, 2)


async def test_requests_go_through_connect_and_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with authority.cert_pem.tempfile() as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        for scheme, secure in (
            ("http", True),
            ("https", True),
            ("socks5", False),
            ("socks5", True),
            ("socks5h", False),
        ):
            origin = HttpOrigin(answer(b"ok"), context if secure else None)
            proxy = CompanyProxy(
                SYSTEM_NETWORK, ("me", "hush"), context=context if scheme == "https" else None
            )
            async with (
                origin.open() as url,
                proxy.open("127.0.0.1") as at,
                new_client(url, f"{scheme}://me:hush@{at}") as client,
            ):
                assert (await client.get(url)).content == b"ok", (scheme, secure)
            assert len(proxy.asked) == 1, (scheme, secure)


async def test_a_call_through_a_proxy_is_cancelled_anywhere() -> None:
    origin = HttpOrigin(answer(b"ok", b"Connection: close\r\n"))
    proxy = CompanyProxy(SYSTEM_NETWORK, ("me", "hush"))
    async with origin.open() as url, proxy.open("127.0.0.1") as at:

        async def operation() -> None:
            async with new_client(url, f"socks5://me:hush@{at}") as client:
                assert (await client.get(url)).content == b"ok"

        assert await cancel_at_every_checkpoint(operation) >= 10


FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\n\r\n"
UNAUTHORISED = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
FAILING: list[tuple[str, str, bytes, str]] = [
    ("http", SECURE, FORBIDDEN, r"refused to connect \(403\): it does not allow"),
    ("http", SECURE, UNAUTHORISED, r"refused to connect \(407\): it refused the user name"),
    ("http", OTHER, UNAUTHORISED, r"refused to connect \(407\): it refused the user name"),
    ("http", SECURE, b"220 hello\r\n\r\n", "illegal status line"),
    ("http", SECURE, b"", "disconnected"),
    ("socks5", SECURE, FORBIDDEN, "does not answer as SOCKS5 has it"),
    ("socks5", OTHER, b"\x05\xff", "refused the user name or the password"),
    ("socks5", OTHER, b"", "closed the connection"),
]


async def test_what_a_proxy_does_wrong_is_an_error_of_httpx_that_names_it() -> None:
    for scheme, url, said, message in FAILING:
        async with (
            serve_scripted(SYSTEM_NETWORK, "127.0.0.1", [said]) as at,
            new_client(url, f"{scheme}://me:hush@{at}") as client,
        ):
            with trio.fail_after(5), pytest.raises(httpx.HTTPError, match=message) as caught:
                await client.get(url)
        assert f"the proxy {scheme}://{at}" in str(caught.value), (scheme, said)
        assert "hush" not in str(caught.value), (scheme, said)


class Stream(httpx.AsyncByteStream):
    """A body in pieces, which notes how much of it was taken."""

    def __init__(self, pieces: int, size: int) -> None:
        self.taken = 0
        self._pieces = pieces
        self._size = size

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if self.taken == self._pieces:
            raise StopAsyncIteration
        self.taken += 1
        return b"x" * self._size


async def test_a_body_is_read_up_to_its_limit() -> None:
    for pieces, size, limit, length, taken in [
        (0, 1, 10, 0, 0),
        (10, 1, 10, 10, 10),
        (1, 11, 10, None, 1),
        (1000, 1, 10, None, 11),
    ]:
        stream = Stream(pieces, size)
        transport = httpx.MockTransport(lambda _, stream=stream: httpx.Response(200, stream=stream))
        async with (
            httpx.AsyncClient(transport=transport) as client,
            client.stream("GET", "http://a") as response,
        ):
            body = await read_body(response, limit)
        assert (None if body is None else len(body), stream.taken) == (length, taken)
