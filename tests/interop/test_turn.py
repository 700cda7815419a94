"""Calls through coturn: over UDP, TCP and TLS, to each of the servers."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trustme

from lktrio.events import Reconnected
from lktrio.net import IcePolicy
from lktrio.room import IceServer, ReconnectKind, RoomOptions, SimulateScenario
from tests.interop.support.coturn import HERE, TURNSERVER, coturn
from tests.support.calls import go_on, open_call
from tests.support.logged_calls import SOUND, TEXT, logged_call
from tests.support.pcapng import read_log
from tests.support.servers import SERVERS, expect, open_server, until

pytestmark = pytest.mark.skipif(TURNSERVER is None, reason="coturn (turnserver) is not installed")


@pytest.mark.parametrize("which", SERVERS)
async def test_calls_through_a_relay_alone(which: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with trio.fail_after(120):
        async with coturn(tmp_path, authority) as (port, tls_port), open_server(which) as server:
            for transport, url in (
                ("udp", f"turn:{HERE}:{port}?transport=udp"),
                ("tcp", f"turn:{HERE}:{port}?transport=tcp"),
                ("tls", f"turns:{HERE}:{tls_port}?transport=tcp"),
            ):
                options = RoomOptions(
                    ice=IcePolicy(relay_only=True),
                    ice_servers=[IceServer([url], "me", "secret")],
                    ssl_context=context,
                    single_peer_connection=transport != "tcp",
                )
                async with open_call(server, options) as (alice, bob):
                    for side in (alice, bob):
                        paths = side.room.media_paths
                        ways = {(path.relayed, path.transport) for path in paths}
                        assert ways == {(True, transport)}
                    events = alice.room.events(Reconnected, replay=False)
                    await alice.room.simulate(SimulateScenario.SIGNAL_RECONNECT)
                    assert await expect(events, Reconnected) == Reconnected(ReconnectKind.RESUME)
                    await go_on(alice, bob)
                    await trio.sleep(2)  # the nonce is stale by now
                    await go_on(alice, bob)
                    for side in (alice, bob):
                        assert side.data == list(range(side.data[0], side.data[-1] + 1))


@pytest.mark.parametrize("which", SERVERS[1:])
async def test_the_server_moves_a_call_to_a_relay_and_back(which: str, tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with coturn(tmp_path, trustme.CA()) as (port, _), open_server(which) as server:
            options = RoomOptions(
                ice_servers=[IceServer([f"turn:{HERE}:{port}?transport=tcp"], "me", "secret")],
            )
            async with open_call(server, options) as (alice, bob):
                events = alice.room.events(Reconnected, replay=False)
                for protocol, relayed in (("tls", True), ("udp", False)):
                    await alice.room.simulate(SimulateScenario.SWITCH_CANDIDATE_PROTOCOL, protocol)
                    assert await expect(events, Reconnected) == Reconnected(ReconnectKind.RESUME)
                    await go_on(alice, bob)
                    await until(lambda r=relayed: alice.room.media_paths[0].relayed is r)  # type: ignore[misc]
                for side in (alice, bob):
                    assert side.data == list(range(side.data[0], side.data[-1] + 1))


async def test_a_server_that_refuses_us_is_done_without(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with coturn(tmp_path, trustme.CA()) as (port, _), open_server("embedded") as server:
            options = RoomOptions(
                ice_servers=[IceServer([f"turn:{HERE}:{port}"], "me", "wrong")],
            )
            async with open_call(server, replace(options)) as (alice, bob):
                await go_on(alice, bob)
                assert not any(path.relayed for path in alice.room.media_paths)


async def test_a_packet_log_looks_into_what_is_relayed(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with trio.fail_after(60):
        async with (
            coturn(tmp_path, authority) as (port, tls_port),
            open_server("embedded") as server,
        ):
            for url, comment in (
                (f"turn:{HERE}:{port}?transport=udp", "relayed by channel 0x4000"),
                (f"turns:{HERE}:{tls_port}", "over TCP, relayed by channel 0x4000"),
            ):
                path = tmp_path / "call.pcapng"
                options = RoomOptions(
                    ice=IcePolicy(relay_only=True),
                    ice_servers=[IceServer([url], "me", "secret")],
                    ssl_context=context,
                )
                async with logged_call(server, path, options):
                    pass
                clear = read_log(path.read_bytes()).on("publisher, decrypted")
                assert {one.comment for one in clear} == {comment}
                for content in (SOUND, TEXT):
                    assert any(content in one.data for one in clear), (comment, content)
