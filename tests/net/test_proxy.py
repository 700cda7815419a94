"""Streams through proxies: each kind, however its answers are cut, and whenever it is cancelled."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.errors import ProxyFailed
from lktrio.net.proxy import Dialer
from lktrio.testing import LinkProfile, SimulatedHost, SimulatedNetwork
from lktrio.testing.cancellation import cancel_at_every_checkpoint
from tests.support.proxies import CompanyProxy

pytestmark = pytest.mark.virtual_time

KINDS = ("http", "https", "socks5", "socks5h")
URL = "wss://server.example"
CREDENTIALS = ("me", "hush")
AUTHORITY = trustme.CA()


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def bearing(name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert(name).configure_cert(context)
    return context


class Company:
    """A client that can reach a proxy alone, and a server that sends back what it gets."""

    def __init__(self, network: SimulatedNetwork, secure: bool) -> None:
        self.client = network.host("client", "10.0.0.2", "2001:db8::2")
        self.border = network.host("proxy.example", "10.0.0.1", "2001:db8::1")
        self.server = network.host("server.example", "192.0.2.1", "2001:db8:1::1")
        self.proxy = CompanyProxy(
            self.border, CREDENTIALS, context=bearing("proxy.example") if secure else None
        )
        network.partition(self.client, self.server)

    def dialer(self, kind: str) -> Dialer:
        proxy = f"{kind}://me:hush@proxy.example:3128"
        return Dialer(self.client, proxy, ssl_context=trusting())


@asynccontextmanager
async def open_company(kind: str) -> AsyncGenerator[Company, None]:
    company = Company(SimulatedNetwork(1, LinkProfile(latency=0.01)), kind == "https")

    async def echo(stream: trio.abc.Stream) -> None:
        async with stream:
            with suppress(trio.BrokenResourceError):
                await stream.send_all(b"hello ")
                while data := await stream.receive_some():
                    await stream.send_all(data)

    listeners = await company.server.listen_tcp("", 443)
    async with company.proxy.open("10.0.0.1", 3128), trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, echo, listeners)
        yield company
        nursery.cancel_scope.cancel()


async def read(stream: trio.abc.Stream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += await stream.receive_some(count - len(data))
    return data


async def test_bytes_go_both_ways_through_each_kind_and_the_proxy_looks_names_up() -> None:
    for kind in KINDS:
        for host in ("server.example", "192.0.2.1", "2001:db8:1::1"):
            async with open_company(kind) as company:
                stream = await company.dialer(kind).opener(URL)(host, 443)
                async with stream:
                    await stream.send_all(b"world")
                    assert await read(stream, 11) == b"hello world", (kind, host)
                assert company.proxy.asked == [(host, 443)], kind
                await trio.sleep(1)
                assert company.client.open_sockets == 0, (kind, host)


async def test_what_can_be_no_name_is_not_told_to_the_proxy() -> None:
    for kind in ("http", "socks5"):
        async with open_company(kind) as company:
            opener = company.dialer(kind).opener(URL)
            for host in ("a b", "a\r\nX: y", "a/b", "", "a" * 64, "b." * 150, "\u2028"):
                with pytest.raises(OSError, match="there is no host called"):
                    await opener(host, 443)
            assert company.proxy.asked == []


async def test_a_proxy_over_tls_has_to_prove_who_it_is() -> None:
    async with open_company("https") as company:
        proxy = "https://me:hush@proxy.example:3128"
        with pytest.raises(ProxyFailed, match="its certificate is not trusted"):
            await Dialer(company.client, proxy).opener(URL)("server.example", 443)
    async with open_company("http") as company:
        with pytest.raises(ProxyFailed, match="it does not speak TLS"):
            await company.dialer("https").opener(URL)("server.example", 443)
        await trio.sleep(1)
        assert company.client.open_sockets == 0


async def test_the_password_is_in_no_text() -> None:
    async with open_company("http") as company:
        dialer = company.dialer("http")
        opener = dialer.opener(URL)
        assert "hush" not in repr(dialer) + repr(opener) + opener.through
        assert opener.through == " through the proxy http://proxy.example:3128"


async def test_cancelled_at_any_point_nothing_stays_open() -> None:
    for kind in KINDS:
        async with open_company(kind) as company:
            dialer = company.dialer(kind)

            async def operation(dialer: Dialer = dialer) -> None:
                stream = await dialer.opener(URL)("server.example", 443)
                await trio.aclose_forcefully(stream)

            async def closed(company: Company = company) -> None:
                await trio.sleep(1)
                assert company.client.open_sockets == 0, company.proxy
                assert company.proxy.open_streams == 0, company.proxy

            runs = await cancel_at_every_checkpoint(operation, after_each=closed, settle=5)
            assert runs >= 3, kind


class Cut(trio.abc.Stream):
    """A stream that gives what somebody said in pieces, and notes what it is told."""

    def __init__(self, said: bytes, sizes: Sequence[int]) -> None:
        self._said = said
        self._sizes = iter(sizes)
        self.sent = b""
        self.closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        size = min(next(self._sizes, 1), max_bytes or 1 << 20)
        data, self._said = self._said[:size], self._said[size:]
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


YES = {
    "http": [
        b"HTTP/1.1 200 Connection established\r\n\r\n",
        b"HTTP/1.0 200\r\nVia: me\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    "socks5": [
        b"\x05\x00\x05\x00\x00\x01" + bytes(6),
        b"\x05\x02\x01\x00\x05\x00\x00\x04" + bytes(18),
        b"\x05\x00\x05\x00\x00\x03\x04name\x00\x00",
    ],
}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(kind, said) for kind, sayings in YES.items() for said in sayings]),
    st.binary(max_size=20),
    st.lists(st.integers(1, 30), max_size=40),
)
def test_answers_may_come_in_any_pieces_and_what_follows_is_the_servers(
    answer: tuple[str, bytes], follows: bytes, sizes: list[int]
) -> None:
    kind, said = answer

    async def connect(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return cut

    async def main() -> bytes:
        dialer = Dialer(SimulatedNetwork().host("client", "10.0.0.2"), f"{kind}://me:x@p", connect)
        async with await dialer.opener(URL)("server.example", 443) as stream:
            await stream.wait_send_all_might_not_block()
            await stream.send_all(b"question")
            received = await read(stream, len(follows))
        assert cut.sent.endswith(b"question")
        assert cut.closed
        return received

    cut = Cut(said + follows, sizes)
    assert trio.run(main) == follows


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["http", "socks5"]),
    st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda data: b"\x05\x00" + data)),
    st.lists(st.integers(1, 30), max_size=40),
)
def test_whatever_a_proxy_says_it_is_a_stream_or_a_clear_error(
    kind: str, said: bytes, sizes: list[int]
) -> None:
    async def connect(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return Cut(said, sizes)

    async def main() -> None:
        host: SimulatedHost = SimulatedNetwork().host("client", "10.0.0.2")
        with suppress(ProxyFailed):
            await Dialer(host, f"{kind}://p", connect).opener(URL)("server.example", 443)

    trio.run(main)
