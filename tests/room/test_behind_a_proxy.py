"""A bot in a company's network, from which nothing but the proxy can be reached."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import trio

from lktrio.devserver import open_dev_server
from lktrio.errors import ConnectTimeout, ProxyFailed
from lktrio.events import DataReceived, Reconnected
from lktrio.net import IcePolicy
from lktrio.room import ReconnectKind, Room, RoomOptions, SimulateScenario, open_room
from lktrio.testing import SimulatedNetwork
from tests.support.calls import call_between, go_on
from tests.support.proxies import CompanyProxy, serve_scripted
from tests.support.servers import LATENCY, V0, V1, RoomServer, expect, open_server, until

pytestmark = pytest.mark.virtual_time

DEADLINE = 200.0
NAME, PASSWORD = "bot", "hush-hush"


@dataclass
class Company:
    """A network with a proxy."""

    server: RoomServer
    proxy: CompanyProxy
    at: str
    """Host and port of the proxy."""

    def options(self, options: RoomOptions | None = None, **changes: Any) -> RoomOptions:
        """Options for a machine inside."""
        options = replace(self.server.options(options), **changes)
        network, there = self.server.network, self.server.server_host
        assert network is not None
        assert there is not None
        network.partition(self.server.hosts[-1], there)
        return options

    def scripted(self, answers: list[bytes | None]) -> AbstractAsyncContextManager[str]:
        """Something in the network that is no proxy as it should be."""
        assert self.server.network is not None
        host = self.server.network.host("other", "10.0.255.2")
        return serve_scripted(host, "10.0.255.2", answers)

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://{NAME}:{PASSWORD}@{self.at}"

    @asynccontextmanager
    async def join(self, identity: str, **changes: Any) -> AsyncGenerator[Room, None]:
        options = self.options(**changes)
        async with open_room(self.server.url, self.server.token(identity), options) as room:
            yield room


@asynccontextmanager
async def open_company(**proxy: Any) -> AsyncGenerator[Company, None]:
    async with open_server("embedded", ice_tcp=True) as server:
        assert server.network is not None
        border = server.network.host("proxy", "10.0.255.1")
        company = CompanyProxy(border, (NAME, PASSWORD), **proxy)
        async with company.open("10.0.255.1", 3128) as at:
            yield Company(server, company, at)


async def test_a_bot_behind_a_proxy_has_a_call() -> None:
    for scheme, options in (("http", V1), ("socks5", V0)):
        async with open_company() as company, company.server.join("outside", options) as outside:
            async with company.join("inside", options=options, proxy=company.url(scheme)) as inside:
                async with call_between(inside, outside) as (alice, bob):
                    await go_on(alice, bob)
                for path in inside.media_paths:
                    assert path.transport == "tcp", scheme
                events = inside.events(Reconnected, replay=False)
                for what, kind in (
                    (SimulateScenario.SIGNAL_RECONNECT, ReconnectKind.RESUME),
                    (SimulateScenario.NODE_FAILURE, ReconnectKind.RESTART),
                ):
                    await inside.simulate(what)
                    assert await expect(events, Reconnected) == Reconnected(kind), (scheme, what)
                    await ping(inside, outside)
                company.proxy.cut()  # the signalling and the media, as proxies do after some hours
                await expect(events, Reconnected)
                await ping(inside, outside)
            await trio.sleep(1)
            assert company.proxy.open_streams == 0, scheme


async def ping(*rooms: Room) -> None:
    """Data gets from each of two to the other one."""
    for sender, receiver in (rooms, rooms[::-1]):
        with receiver.events(DataReceived, replay=False) as events:
            await sender.local_participant.publish_data("ping")
            await expect(events, DataReceived)


async def test_the_proxy_of_the_machine_is_used_unless_the_program_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://nowhere.example")  # of a machine that is not in this
    async with open_company() as company:
        options = company.options()
        machine = company.server.hosts[-1]
        machine.proxy = company.url()
        async with open_room(company.server.url, company.server.token("inside"), options):
            assert company.proxy.open_streams == 2
        for changes in ({"proxy": ""}, {"open_tcp_stream": machine.open_tcp_stream}):
            with pytest.raises(ConnectTimeout, match=r"connecting to 10.0.0.1:\d+ took longer"):
                async with company.join("inside", **changes):
                    pass


async def test_the_proxy_is_reached_by_the_way_that_the_program_has() -> None:
    opened: list[tuple[str, int]] = []
    async with open_company() as company:
        options = company.options(proxy=company.url())
        machine = company.server.hosts[-1]

        async def connect(host: str, port: int) -> trio.abc.Stream:
            opened.append((host, port))
            return await machine.open_tcp_stream(host, port)

        options = replace(options, open_tcp_stream=connect)
        async with open_room(company.server.url, company.server.token("inside"), options):
            pass
        assert opened == [("10.0.255.1", 3128)] * 2
        assert {host for host, _ in company.proxy.asked} == {"10.0.0.1"}


NOT_BASIC = b"HTTP/1.1 407 No\r\nProxy-Authenticate: %s\r\n\r\n"
NO_HTTP = "does not answer as HTTP has it: check its port"
NO_SOCKS = "does not answer as SOCKS5 has it: check its port"
HUNG_UP = "closed the connection: check its host"
REFUSALS: list[tuple[str, list[bytes | None], str]] = [
    ("http", [NOT_BASIC % b'Basic realm="x"'], "refused the user name or the password"),
    ("http", [b"HTTP/1.1 401 No\r\n\r\n"], "refused the user name or the password"),
    ("http", [NOT_BASIC % b"NTLM"], "asks for NTLM, and only Basic is known here"),
    ("http", [b"HTTP/1.1 403 No\r\n\r\n"], r"\(403 No\): it does not allow .* to be allowed"),
    ("http", [b"HTTP/1.1 502 No\r\n\r\n"], "could not reach the server: check the server's URL"),
    ("http", [b"HTTP/1.1 405 No\r\n\r\n"], "may be no proxy"),
    ("http", [b"HTTP/1.1 599 \x1b[2J\x0a\r\n\r\n"], r"\(599 \\x1b\[2J\)"),
    ("http", [b"HTTP/1.1 200 OK\r\nX: " + bytes(200_000)], NO_HTTP),
    ("http", [b"HTTP/1.1 200 OK\r\nX: " + b"A" * 200_000], NO_HTTP),
    ("http", [b"HTTP/1.1 100 Continue\r\n\r\n" * 9000], NO_HTTP),
    ("http", [b"HTTP/1.1 yes\r\n\r\n"], NO_HTTP),
    ("http", [b"220 mail.example.com ESMTP\r\n", None], NO_HTTP),
    ("http", [b""], HUNG_UP),
    ("http", [b"HTTP/1.1 200 OK\r\n"], HUNG_UP),
    ("socks5", [b"HTTP/1.1 400 Bad Request\r\n\r\n"], NO_SOCKS),
    ("socks5", [b"\x05\xff"], "refused the user name or the password"),
    ("socks5", [b"\x05\x01"], "refused the user name or the password"),
    ("socks5h", [b"\x05\x02", b"\x01\x01"], "refused the user name or the password"),
    ("socks5", [b"\x05\x07"], NO_SOCKS),
    ("socks5", [b"\x05\x00", b"\x05\x02\x00\x01" + bytes(6)], "to be allowed there"),
    ("socks5", [b"\x05\x00", b"\x05\x05\x00\x04" + bytes(18)], "the server refused it"),
    ("socks5", [b"\x05\x00", b"\x05\x63\x00\x01" + bytes(6)], NO_SOCKS),
    ("socks5", [b"\x05\x00", b"\x05\x00\x00\x09" + bytes(6)], NO_SOCKS),
    ("socks5", [b"\x05\x00", b"\x05\x00\x00\x03\x02\xff\xff\x00\x00"], NO_SOCKS),
    ("socks5", [b"\x05\x00", b"\x04\x00\x00\x01" + bytes(6)], NO_SOCKS),
    ("socks5", [b"\x05\x00", b"\x05\x00"], HUNG_UP),
]


async def test_without_a_proxy_the_signalling_alone_takes_the_programs_way() -> None:
    opened: list[tuple[str, int]] = []
    async with open_company() as company:
        options = company.server.options()
        machine = company.server.hosts[-1]

        async def connect(host: str, port: int) -> trio.abc.Stream:
            opened.append((host, port))
            return await machine.open_tcp_stream(host, port)

        options = replace(options, open_tcp_stream=connect, ice=IcePolicy(udp=False))
        async with open_room(company.server.url, company.server.token("inside"), options) as room:
            await until(lambda: bool(room.media_paths))
        ((_, port),) = opened
        assert company.server.url.endswith(f":{port}")


async def test_a_loopback_address_behind_a_proxy_is_not_this_machine() -> None:
    network = SimulatedNetwork(profile=LATENCY)
    far, near = network.host("far", "10.0.0.1"), network.host("near", "10.0.0.2")
    async with (
        open_dev_server(host="", network=far) as server,
        CompanyProxy(far).open("10.0.0.1", 1080) as at,
    ):
        options = RoomOptions(network=near, proxy=f"socks5://{at}")
        url = f"ws://127.0.0.1:{server.port}"
        async with open_room(url, server.token("me", "room"), options) as room:
            await until(lambda: bool(room.media_paths))
            assert {address for address, _ in near.sockets} == {"10.0.0.2"}


async def test_what_a_proxy_does_wrong_is_told_with_what_to_do() -> None:
    for scheme, answers, says in REFUSALS:
        async with open_company() as company, company.scripted(answers) as at:
            proxy = f"{scheme}://{NAME}:{PASSWORD}@{at}"
            with pytest.raises(ProxyFailed, match=says) as caught:
                async with company.join("inside", proxy=proxy):
                    pass
            case, error = (scheme, answers), caught.value
            assert error.permanent is ("user name" in says or "asks for" in says), case
            assert str(error).startswith(f"the proxy {scheme}://{at} "), case
            assert str(error).isprintable(), case
            tried_again = bool(getattr(error, "__notes__", []))
            assert tried_again is not error.permanent, case
            assert error.proxy == f"{scheme}://{at}", case
            assert not [text for text in _texts(error) if PASSWORD in text], case
            await trio.sleep(1)
            assert company.server.hosts[-1].open_sockets == 0, case


def _texts(error: BaseException) -> list[str]:
    found = [str(error), repr(error), repr(vars(error)), *getattr(error, "__notes__", [])]
    for other in (error.__cause__, error.__context__):
        if other is not None:
            found += _texts(other)
    return found


async def test_a_proxy_that_does_not_answer_is_told_in_time() -> None:
    silent: list[tuple[str, list[bytes | None]]] = [
        ("http", [None]),
        ("socks5", [None]),
        ("socks5h", [b"\x05\x00", None]),
    ]
    for scheme, answers in silent:
        async with open_company() as company, company.scripted(answers) as at:
            started = trio.current_time()
            says = f"through the proxy {scheme}://{at} took longer than 5 s"
            with pytest.raises(ConnectTimeout, match=says):
                async with company.join("inside", proxy=f"{scheme}://{at}", join_retries=0):
                    pass
            assert 5 <= trio.current_time() - started < 6, scheme


async def test_a_proxy_that_is_not_there_is_told() -> None:
    async with open_company() as company:
        for place, says in (
            ("10.0.255.1:9", "cannot connect to the proxy http://10.0.255.1:9: Connection refused"),
            ("nowhere.example", "http://nowhere.example:80: there is no host called"),
        ):
            with pytest.raises(ProxyFailed, match=says):
                async with company.join("inside", proxy=f"http://{NAME}:{PASSWORD}@{place}"):
                    pass


async def test_options_do_not_show_the_password() -> None:
    options = RoomOptions(proxy=f"http://{NAME}:{PASSWORD}@proxy")
    assert PASSWORD not in repr(options)
    for proxy in (f"ftp://{NAME}:{PASSWORD}@proxy", f"http://{NAME}:{PASSWORD}/@proxy"):
        with pytest.raises(ValueError, match="none that can be used: give a URL") as caught:
            RoomOptions(proxy=proxy)
        assert PASSWORD not in str(caught.value), proxy
