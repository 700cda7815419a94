"""``lktrio doctor`` finds what is wrong with the way to a server, and says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from lktrio.cli.checkup import Checkup, Step
from lktrio.testing import SimulatedHost
from tests.cli.shell import Shell
from tests.support.proxies import CompanyProxy
from tests.support.server_thread import ServerThread
from tests.support.servers import RoomServer, open_server

_NAMES = [
    "proxy",
    "name",
    "connection",
    "region",
    "token",
    "signalling",
    "udp",
    "tcp",
    "turn",
    "ice",
    "media",
    "data",
    "reconnect",
]


@dataclass
class Case:
    """What is done to a healthy network, and what the doctor finds."""

    fails: str = ""
    says: str = ""
    advises: str = ""
    url: str = ""
    secret: str = ""
    grants: dict[str, Any] | None = None
    breaks: Callable[[RoomServer, SimulatedHost], object] | None = None
    warns: tuple[str, ...] = ("tcp",)
    ice_tcp: bool = False
    proxy: str = ""
    """Name and password for the proxy, beyond which nothing can be reached."""
    allowed: Callable[[str, int], bool] = lambda host, port: True


def _server(server: RoomServer) -> SimulatedHost:
    assert server.server_host is not None
    return server.server_host


def _block_udp(server: RoomServer, client: SimulatedHost) -> None:
    assert server.network is not None
    server.network.partition(client, _server(server), "udp")


def _block_everything(server: RoomServer, client: SimulatedHost) -> None:
    assert server.network is not None
    server.network.partition(client, _server(server))


CASES = {
    "healthy": Case(),
    "no such host": Case("name", "nowhere.example", "host name", url="ws://nowhere.example"),
    "no URL": Case("name", "is not a LiveKit URL", url="7880"),
    "nothing listens": Case("connection", "refused", "check the URL", url="ws://10.0.0.1:1"),
    "no answer": Case("connection", "15 s", "", breaks=_block_everything),
    "no TLS": Case("connection", "does not speak TLS", "check the URL", url="wss"),
    "wrong secret": Case("signalling", "refused the token", "API_SECRET", secret="other" * 8),
    "may not publish": Case("media", "does not allow", "", grants={"can_publish": False}),
    "UDP is blocked": Case(
        "ice", "no encrypted path", "let UDP pass", breaks=_block_udp, warns=("udp", "tcp")
    ),
    "TCP in place of UDP": Case(breaks=_block_udp, warns=("udp",), ice_tcp=True),
    "both": Case(warns=(), ice_tcp=True),
    "a proxy": Case(proxy="me:hush", warns=("udp",), ice_tcp=True),
    "a proxy that asks": Case("connection", "407", "NO_PROXY", proxy="me:wrong"),
    "a proxy that refuses": Case(
        "connection", "does not allow this", "NO_PROXY", proxy="me:hush", allowed=lambda *_: False
    ),
    "a proxy that is not there": Case(
        "proxy", "cannot connect to the proxy http://10.0.255.1:9 of", "NO_PROXY", proxy="9"
    ),
    "a proxy that is none": Case("proxy", "none that can be used", "NO_PROXY", proxy="no"),
}


@asynccontextmanager
async def _proxy(server: RoomServer, client: SimulatedHost, case: Case) -> AsyncIterator[None]:
    _block_everything(server, client)
    assert server.network is not None
    border = server.network.host("border", "10.0.255.1")
    proxy = CompanyProxy(border, ("me", "hush"), case.allowed)
    async with proxy.open("10.0.255.1") as at:
        client.proxy = {"9": "http://me:hush@10.0.255.1:9", "no": "ftp://me:hush@x"}.get(
            case.proxy, f"http://{case.proxy}@{at}"
        )
        yield


async def _examine(case: Case) -> list[Step]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(open_server("embedded", ice_tcp=case.ice_tcp))
        client = server.host()
        assert isinstance(client, SimulatedHost)
        if case.proxy:
            await stack.enter_async_context(_proxy(server, client, case))
        if case.breaks is not None:
            case.breaks(server, client)
        url = case.url if case.url != "wss" else server.url.replace("ws:", "wss:")
        reported: list[Step] = []

        def token(identity: str) -> str:
            return server.token(identity, secret=case.secret, **(case.grants or {}))

        checkup = Checkup(url or server.url, token, client, reported.append)
        healthy = await checkup.run()
        assert reported == checkup.steps
        assert healthy is (not case.fails)
        await server.wait_for_participants()
        return reported


@pytest.mark.virtual_time
async def test_each_fault_is_found_where_it_is() -> None:
    for name, case in CASES.items():
        with trio.fail_after(120):
            steps = await _examine(case)
        assert [step.name for step in steps] == _NAMES, name
        failed = [step for step in steps if step.status == "failed"]
        assert [step.name for step in failed] == ([case.fails] if case.fails else []), (name, steps)
        warned = [step for step in steps if step.status == "warning"]
        if "udp" not in [step.name for step in steps if step.status == "skipped"]:
            assert tuple(step.name for step in warned) == case.warns, (name, steps)
        assert all("path" in step.detail and "let " in step.advice for step in warned), name
        assert steps[0].status == ("skipped" if not case.proxy else steps[0].status), name
        assert not [step for step in steps if "hush" in step.detail or "wrong" in step.detail], name
        if case.proxy and not case.fails:
            assert "http://10.0.255.1:" in steps[0].detail, name
            assert steps[2].detail.endswith(f"through {steps[0].detail}"), name
        for step in failed:
            assert case.says in step.detail, (name, step)
            assert case.advises in step.advice, (name, step)
            behind = steps[steps.index(step) + 1 :]
            assert all(other.status == "skipped" for other in behind), name


def test_the_command(shell: Shell, connected: Shell, livekit: ServerThread) -> None:
    found = connected.succeed("doctor", "--json").json
    assert found["healthy"]
    assert [step["name"] for step in found["steps"]] == _NAMES
    lines = connected.succeed("doctor", livekit.environment["LIVEKIT_URL"]).lines
    assert [line.split()[0] for line in lines if line[0] != " "] == _NAMES
    failed = connected("doctor", "ws://127.0.0.1:1")
    assert failed.code == 1
    assert "FAILED" in failed.out
