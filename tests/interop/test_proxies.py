"""Calls and calls of server APIs through proxies that others wrote."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
import trio
import trustme

from lktrio import proto
from lktrio.api import LiveKitAPI
from lktrio.errors import ProxyFailed
from lktrio.events import Reconnected
from lktrio.net import IcePolicy
from lktrio.room import IceServer, ReconnectKind, RoomOptions, SimulateScenario, open_room
from tests.interop.support.coturn import HERE, TURNSERVER, coturn, free_port, run_listening
from tests.support.calls import go_on, open_call
from tests.support.servers import SERVERS, expect, open_server

NAME, PASSWORD = "bot", "hush"

Kind: TypeAlias = Callable[[Path], AbstractAsyncContextManager[str]]
"""Runs a proxy in a folder, with its log in ``proxy.log``; the value is its URL."""


@asynccontextmanager
async def tinyproxy(folder: Path) -> AsyncIterator[str]:
    port = free_port()
    lines = [f"Port {port}", f"Listen {HERE}", "Timeout 600", f"BasicAuth {NAME} {PASSWORD}"]
    (folder / "tinyproxy.conf").write_text("\n".join([*lines, "LogLevel Connect", ""]))
    command = [shutil.which("tinyproxy") or "", "-d", "-c", str(folder / "tinyproxy.conf")]
    async with run_listening(command, folder / "proxy.log", port):
        yield f"http://{NAME}:{PASSWORD}@{HERE}:{port}"


@asynccontextmanager
async def microsocks(folder: Path) -> AsyncIterator[str]:
    port = free_port()
    command = [shutil.which("microsocks") or "", "-i", HERE, "-p", str(port)]
    async with run_listening([*command, "-u", NAME, "-P", PASSWORD], folder / "proxy.log", port):
        yield f"socks5h://{NAME}:{PASSWORD}@{HERE}:{port}"


PROXIES: list[Kind] = [tinyproxy, microsocks]


@pytest.fixture(params=PROXIES, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> Kind:
    if shutil.which(request.param.__name__) is None:
        pytest.skip(f"{request.param.__name__} is not installed")
    program: Kind = request.param
    return program


@pytest.mark.skipif(TURNSERVER is None, reason="coturn (turnserver) is not installed")
@pytest.mark.parametrize("which", SERVERS)
async def test_a_call_goes_through_the_proxy_to_the_server_and_to_a_relay(
    which: str, kind: Kind, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with trio.fail_after(60):
        async with (
            coturn(tmp_path, authority) as (port, tls_port),
            kind(tmp_path) as proxy,
            open_server(which, ice_tcp=True) as server,
        ):
            for transport, urls in (
                ("tcp", []),
                ("tcp", [f"turn:{HERE}:{port}?transport=tcp"]),
                ("tls", [f"turns:{HERE}:{tls_port}?transport=tcp"]),
            ):
                options = RoomOptions(
                    ice=IcePolicy(udp=False, relay_only=bool(urls)),
                    ice_servers=[IceServer(urls, "me", "secret")],
                    ssl_context=context,
                    proxy=proxy,
                    single_peer_connection=transport == "tcp",
                )
                async with open_call(server, options) as (alice, bob):
                    ways = {(path.relayed, path.transport) for path in alice.room.media_paths}
                    assert ways == {(bool(urls), transport)}
                    events = alice.room.events(Reconnected, replay=False)
                    await alice.room.simulate(SimulateScenario.SIGNAL_RECONNECT)
                    assert await expect(events, Reconnected) == Reconnected(ReconnectKind.RESUME)
                    await go_on(alice, bob)
            async with LiveKitAPI(server.url, server.key, server.secret, proxy=proxy) as lk:
                await lk.room.list_rooms(proto.ListRoomsRequest())
    said = (tmp_path / "proxy.log").read_text()
    for each in (port, tls_port, server.url.rpartition(":")[2]):
        assert str(each) in said, each


async def test_the_wrong_password_is_told(kind: Kind, tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with kind(tmp_path) as proxy, open_server("embedded") as server:
            for url, says in (
                (proxy.replace(PASSWORD, "wrong"), "refused the user name or the password"),
                (proxy.replace(f"{NAME}:{PASSWORD}@", ""), "asks for a user name and a password"),
            ):
                with pytest.raises(ProxyFailed, match=says) as caught:
                    async with open_room(server.url, server.token("bot"), RoomOptions(proxy=url)):
                        pass
                assert caught.value.permanent
