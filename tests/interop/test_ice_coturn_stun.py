"""Reflexive candidates from coturn, over real sockets."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from lktrio.rtc.base import Address
from lktrio.rtc.ice import IceRole
from lktrio.rtc.ice.candidate import host_candidate
from lktrio.rtc.ice.gather import CandidateGathered
from tests.support.ice_socket import open_ice

TURNSERVER = shutil.which("turnserver")
HERE = "127.0.0.1"

pytestmark = pytest.mark.skipif(TURNSERVER is None, reason="coturn (turnserver) is not installed")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((HERE, 0))
        port: int = udp.getsockname()[1]
        return port


@asynccontextmanager
async def coturn(directory: Path) -> AsyncIterator[Address]:
    """A STUN server on the loopback interface, stopped when the block ends."""
    assert TURNSERVER is not None
    port = free_port()
    options = ["-n", "--stun-only", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp"]
    paths = [f"--{name}={directory / name}" for name in ("pidfile", "userdb")]
    address = [f"--listening-ip={HERE}", f"--listening-port={port}", "--log-file=stdout"]
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            lambda task_status: trio.run_process(
                [TURNSERVER, *options, *paths, *address],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                task_status=task_status,
            )
        )
        yield HERE, port
        process.terminate()


async def discover(server: Address) -> list[CandidateGathered]:
    """Ask for the address of a socket that believes to have another one."""
    async with open_ice(IceRole.CONTROLLING, HERE) as ice:
        port = ice.agent.local_candidates[0].port
        ice.gatherer.ask(server, host_candidate("192.0.2.1", port), 1, trio.current_time())
        while not ice.gatherer.is_done:
            await ice.flush()
            await ice.wait()
        return ice.gathered


async def test_coturn_tells_the_address_of_a_socket(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with coturn(tmp_path) as server:
            gathered: list[CandidateGathered] = []
            while not gathered:  # the server takes a moment to start
                gathered = await discover(server)
    [found] = gathered
    assert found.server == server
    assert (found.candidate.type, found.candidate.address) == ("srflx", HERE)
    assert found.candidate.port == found.candidate.related_port
    assert found.candidate.related_address == "192.0.2.1"
