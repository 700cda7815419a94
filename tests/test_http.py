"""HTTP clients of the library: what the environment sets for them, and how much they take in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio

from lktrio._http import new_client, proxy_place, read_body
from tests.support.http_origin import HttpOrigin, answer

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
    for name, value in values.items():
        monkeypatch.setenv(name, value)


USABLE: list[tuple[str, dict[str, str], str]] = [
    (OTHER, {}, ""),
    (OTHER, {"HTTP_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
    (OTHER, {"HTTP_PROXY": "proxy:3128"}, "http://proxy:3128"),
    (OTHER, {"HTTP_PROXY": "http://me:hush@proxy:3128"}, "http://proxy:3128"),
    (OTHER, {"HTTP_PROXY": ""}, ""),
    (OTHER, {"HTTP_PROXY": " "}, ""),
    ("https://a.invalid", {"HTTPS_PROXY": "https://proxy"}, "https://proxy"),
    ("https://a.invalid", {"ALL_PROXY": "http://proxy"}, "http://proxy"),
    ("https://a.invalid", {"HTTP_PROXY": "ftp://proxy"}, ""),
    ("https://a.invalid", {"ALL_PROXY": "socks5://x", "HTTPS_PROXY": "proxy"}, "http://proxy"),
    (OTHER, {"ALL_PROXY": "socks5://proxy:1", "NO_PROXY": "livekit.invalid"}, ""),
    (OTHER, {"HTTP_PROXY": "socks4://proxy:1", "NO_PROXY": "localhost, *"}, ""),
    ("http://127.0.0.1:1", {"ALL_PROXY": "socks5://proxy:1", "NO_PROXY": "127.0.0.1"}, ""),
]


async def test_a_proxy_that_can_be_used_or_does_not_concern_the_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for url, values, place in USABLE:
        environment(monkeypatch, **values)
        async with new_client(url):
            assert proxy_place(url) == place, (url, values)


UNUSABLE = {
    "ftp://proxy": "the proxy 'ftp://proxy' of the environment is none that can be used: set",
    "socks4://me:hush@proxy:1": "the proxy 'socks4://proxy:1' of the environment is none",
    "http://[::1": "the proxy 'http://[::1' of the environment is none that can be used",
    "http://me:hush@proxy:port": "'http://proxy:port' of the environment is none that can be used",
    "http://a\x1bb": "the proxy 'http://a\\x1bb' of the environment is none that can be used",
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


def test_a_socks_proxy_without_its_package_is_told_with_what_to_do() -> None:
    program = (
        "import sys, os; sys.modules['socksio'] = None\n"
        "os.environ.update(ALL_PROXY='socks5://me:hush@127.0.0.1:1', NO_PROXY='')\n"
        "from lktrio._http import new_client\n"
        "try: new_client('http://livekit.invalid')\n"
        "except ValueError as error: print(error)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == (
        "the proxy socks5://127.0.0.1:1 of the environment needs SOCKS: run pip install "
        "'httpx[socks]', or unset ALL_PROXY, HTTP_PROXY and HTTPS_PROXY, or name the server in "
        "NO_PROXY\n"
    )


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
