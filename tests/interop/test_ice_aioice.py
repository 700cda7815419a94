"""Our ICE agent against aioice, over real sockets, in every distribution of roles."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from lktrio.rtc.ice import IceRole, IceState
from lktrio.rtc.ice.candidate import Candidate
from tests.support.ice_socket import IceSockets, open_ice

pytest.importorskip("aioice", reason="aioice is not installed")

PEER = Path(__file__).parent.parent / "support" / "aioice_peer.py"
HERE = "127.0.0.1"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.bind(("::1", 0))
    except OSError:
        return False
    return True


class AioicePeer:
    """The other process."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout
        self._buffer = b""

    async def tell(self, **values: Any) -> None:
        await self._stdin.send_all(json.dumps(values).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            data = await self._stdout.receive_some()
            assert data, "the aioice process has ended"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        heard: dict[str, Any] = json.loads(line)
        return heard


@asynccontextmanager
async def aioice_peer(*, controlling: bool, hosts: list[str]) -> AsyncIterator[AioicePeer]:
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            lambda task_status: trio.run_process(
                [sys.executable, str(PEER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                task_status=task_status,
            )
        )
        peer = AioicePeer(process)
        await peer.tell(controlling=controlling, hosts=hosts)
        yield peer
        await process.stdin.aclose()
        await process.wait()


async def introduce(ice: IceSockets, peer: AioicePeer, *, checks_first: bool = False) -> None:
    description = await peer.hear()
    agent = ice.agent
    ours = {
        "ufrag": agent.local_ufrag,
        "pwd": agent.local_pwd,
        "candidates": [
            str(candidate).removeprefix("candidate:") for candidate in agent.local_candidates
        ],
    }
    if checks_first:
        await peer.tell(**ours)
        await ice.wait()
    agent.set_remote_credentials(description["ufrag"], description["pwd"], trio.current_time())
    for line in description["candidates"]:
        agent.add_remote_candidate(Candidate.parse(line), trio.current_time())
    agent.end_of_candidates(trio.current_time())
    await ice.flush()
    if not checks_first:
        await peer.tell(**ours)


async def exchange(ice: IceSockets) -> None:
    await ice.send(b"\x80 media")
    while not ice.received:
        await ice.wait()
    assert ice.received[0][0] == b"echo \x80 media"


@pytest.mark.parametrize("role", list(IceRole))
@pytest.mark.parametrize("checks_first", [False, True], ids=["", "checks first"])
async def test_connects_and_carries_data(role: IceRole, checks_first: bool) -> None:
    with trio.fail_after(20):
        async with (
            open_ice(role, HERE) as ice,
            aioice_peer(controlling=role is IceRole.CONTROLLED, hosts=[HERE]) as peer,
        ):
            await introduce(ice, peer, checks_first=checks_first)
            assert (await peer.hear())["connected"]
            while not ice.selections:
                await ice.wait()
            assert ice.agent.state is IceState.CONNECTED
            assert ice.agent.role is role
            await exchange(ice)


@pytest.mark.parametrize("role", list(IceRole))
async def test_settles_a_role_conflict(role: IceRole) -> None:
    with trio.fail_after(20):
        async with (
            open_ice(role, HERE) as ice,
            aioice_peer(controlling=role is IceRole.CONTROLLING, hosts=[HERE]) as peer,
        ):
            await introduce(ice, peer)
            peer_controls = (await peer.hear())["controlling"]
            while not ice.selections:
                await ice.wait()
            assert (ice.agent.role is IceRole.CONTROLLED) == peer_controls
            await exchange(ice)


@pytest.mark.skipif(not has_ipv6(), reason="the machine has no IPv6 loopback address")
async def test_connects_over_ipv6() -> None:
    with trio.fail_after(20):
        async with (
            open_ice(IceRole.CONTROLLING, "::1") as ice,
            aioice_peer(controlling=False, hosts=["::1"]) as peer,
        ):
            await introduce(ice, peer)
            assert (await peer.hear())["connected"]
            await exchange(ice)


async def test_serves_it_as_a_lite_agent() -> None:
    with trio.fail_after(20):
        async with (
            open_ice(IceRole.CONTROLLED, HERE, lite=True) as ice,
            aioice_peer(controlling=True, hosts=[HERE]) as peer,
        ):
            await introduce(ice, peer)
            assert (await peer.hear())["connected"]
            assert ice.selections
            assert ice.agent.stats.requests_sent == 0
            await exchange(ice)


async def test_finds_the_only_pair_of_several_sockets() -> None:
    with trio.fail_after(20):
        async with (
            open_ice(IceRole.CONTROLLING, HERE, "127.0.0.2", "127.0.0.3") as ice,
            aioice_peer(controlling=False, hosts=["127.0.0.1", "127.0.0.4"]) as peer,
        ):
            await introduce(ice, peer)
            assert (await peer.hear())["connected"]
            await exchange(ice)
