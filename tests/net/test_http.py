"""HTTP calls travel on whatever network they are given, TLS and failures included."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
import trustme

from lktrio.net.http import NetworkTransport
from lktrio.testing import LinkProfile, SimulatedHost, SimulatedNetwork

pytestmark = pytest.mark.virtual_time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@asynccontextmanager
async def open_origin(
    answers: list[bytes], context: ssl.SSLContext | None = None
) -> AsyncGenerator[tuple[SimulatedNetwork, SimulatedHost], None]:
    """A host called ``origin`` that gives one answer to each request; and another host."""
    network = SimulatedNetwork(1, LinkProfile(latency=0.01))
    origin, client = network.host("origin", "192.0.2.1"), network.host("client", "192.0.2.2")

    async def serve(stream: trio.abc.HalfCloseableStream) -> None:
        raw: trio.abc.Stream = stream
        if context is not None:
            raw = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        async with raw:
            try:
                while answers and await raw.receive_some():
                    await raw.send_all(answers.pop(0))
            except trio.BrokenResourceError:  # the client did not like our certificate
                await trio.lowlevel.checkpoint()

    (listener,) = await origin.listen_tcp("192.0.2.1", 80 if context is None else 443)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield network, client
        nursery.cancel_scope.cancel()


async def test_calls_share_a_connection() -> None:
    async with open_origin([ANSWER, ANSWER]) as (network, client):
        transport = NetworkTransport(client.open_tcp_stream)
        async with httpx.AsyncClient(transport=transport) as http:
            for _ in range(2):
                response = await http.get("http://origin/path?query")
                assert (response.status_code, response.text) == (200, "hello")
        started = [record for record in network.trace if record.destination[1] == 80]
        assert len({record.source for record in started}) == 1


async def test_https_is_checked_against_the_authorities_given() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("origin").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    for context, fails in ((trusting, False), (ssl.create_default_context(), True)):
        async with open_origin([ANSWER], server) as (_, client):
            transport = NetworkTransport(client.open_tcp_stream, context)
            async with httpx.AsyncClient(transport=transport) as http:
                if fails:
                    with pytest.raises(httpx.ConnectError, match="certificate"):
                        await http.get("https://origin/")
                else:
                    assert (await http.get("https://origin/")).text == "hello"


async def test_failures_are_those_of_httpx() -> None:
    for answers, url, kind in (
        ([ANSWER], "http://nobody/", httpx.ConnectError),
        ([ANSWER], "http://origin:81/", httpx.ConnectError),
        ([ANSWER[:-1]], "http://origin/", httpx.RemoteProtocolError),
        ([b"no HTTP at all\r\n\r\n"], "http://origin/", httpx.RemoteProtocolError),
        ([b"", ANSWER], "http://origin/", httpx.ReadTimeout),  # waits for another request
    ):
        async with open_origin(answers) as (_, client):
            transport = NetworkTransport(client.open_tcp_stream)
            async with httpx.AsyncClient(transport=transport, timeout=5) as http:
                try:
                    await http.get(url)
                except kind:
                    continue
                raise AssertionError(f"{answers} from {url}")
