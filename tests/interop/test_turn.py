"""Calls through coturn: over UDP, TCP and TLS, to each of the servers."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trustme

from lktrio.events import Reconnected
from lktrio.net import IcePolicy
from lktrio.room import IceServer, ReconnectKind, RoomOptions, SimulateScenario
from tests.support.calls import go_on, open_call
from tests.support.servers import SERVERS, expect, open_server, until

TURNSERVER = shutil.which("turnserver")
HERE = "127.0.0.1"

pytestmark = pytest.mark.skipif(TURNSERVER is None, reason="coturn (turnserver) is not installed")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.bind((HERE, 0))
        port: int = tcp.getsockname()[1]
        return port


@asynccontextmanager
async def coturn(directory: Path, authority: trustme.CA) -> AsyncIterator[tuple[int, int]]:
    """A TURN server on the loopback interface; its ports without and with TLS."""
    assert TURNSERVER is not None
    port, tls_port = free_port(), free_port()
    certificate = authority.issue_cert(HERE)
    certificate.private_key_pem.write_to_path(directory / "key")
    certificate.cert_chain_pems[0].write_to_path(directory / "certificate")
    options = ["-n", "--no-cli", "--no-dtls", "--lt-cred-mech", "--user=me:secret"]
    options += ["--realm=example.org", "--allow-loopback-peers", "--stale-nonce=2"]
    paths = [f"--{name}={directory / name}" for name in ("pidfile", "userdb")]
    paths += [f"--cert={directory / 'certificate'}", f"--pkey={directory / 'key'}"]
    place = [f"--listening-ip={HERE}", f"--relay-ip={HERE}", f"--listening-port={port}"]
    place += [f"--tls-listening-port={tls_port}", "--log-file=stdout"]
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            lambda task_status: trio.run_process(
                [TURNSERVER, *options, *paths, *place],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                task_status=task_status,
            )
        )
        for each in (port, tls_port):
            await _wait_listening(each)
        yield port, tls_port
        process.terminate()


async def _wait_listening(port: int) -> None:
    with trio.fail_after(10):
        while True:
            try:
                stream = await trio.open_tcp_stream(HERE, port)
            except OSError:
                await trio.sleep(0.05)
            else:
                await stream.aclose()
                return


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
                        for path in side.room.media_paths:
                            assert path.relayed, path
                            assert path.transport == transport
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
