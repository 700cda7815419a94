"""Calls between LiveKit's own clients and ours, both ways, and of the server API."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from lktrio import proto
from lktrio.errors import RpcError, ServerError
from lktrio.room import Room, RpcErrorCode, RpcInvocation
from lktrio.signal import joining
from tests.interop.support.browser import needs_browser, open_browser
from tests.interop.support.child import open_child
from tests.interop.support.participant import open_participant
from tests.interop.support.reports import Program
from tests.support.servers import SERVERS, RoomServer, open_server

pytest.importorskip("livekit.rtc", reason="LiveKit's Python SDK is not installed")
pytest.importorskip("av", reason="PyAV is not installed")

LIMIT = 60
SHORT = "grüß dich, 世界!"
FULL = "x" * 15_360
LONG = SHORT * 20_000  # 380 kB

on_each_server = pytest.mark.parametrize("which", SERVERS)
with_each_client = pytest.mark.parametrize(
    "client", ["python", pytest.param("browser", marks=needs_browser)]
)


@asynccontextmanager
async def open_call(
    which: str, client: str, profile: Path
) -> AsyncGenerator[tuple[Room, Program], None]:
    """A room of ours, and another client in it."""
    opened = open_browser(profile) if client == "browser" else open_child("official_client")
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            opened as other,
            open_participant(server.url, server.token("me")) as participant,
        ):
            await other.order(
                "join", url=server.url, token=server.token("other"), single_peer_connection=True
            )
            await participant.wait(lambda: "other" in participant.room.remote_participants)
            yield participant.room, other


async def echo(call: RpcInvocation[str]) -> str:
    await trio.lowlevel.checkpoint()
    return call.payload


async def fail(call: RpcInvocation[str]) -> str:
    await trio.lowlevel.checkpoint()
    raise ZeroDivisionError


async def refuse(call: RpcInvocation[str]) -> str:
    await trio.lowlevel.checkpoint()
    raise RpcError(1234, "no, thank you", "because")


@on_each_server
@with_each_client
async def test_they_call_us(which: str, client: str, tmp_path: Path) -> None:
    seen: list[RpcInvocation[str]] = []

    async def note(call: RpcInvocation[str]) -> str:
        seen.append(call)
        return await echo(call)

    async def answer_long(call: RpcInvocation[str]) -> str:
        await trio.lowlevel.checkpoint()
        return LONG

    async with open_call(which, client, tmp_path) as (room, other), trio.open_nursery() as nursery:
        handlers = {"echo": note, "fail": fail, "refuse": refuse, "long": answer_long}
        for name, handler in handlers.items():
            await nursery.start(room.serve_rpc, name, handler)
        for text in ("", SHORT, FULL, LONG):
            await other.order("call", to="me", method="echo", payload=text)
            answer = await other.wait("answer", size=len(text))
            assert answer["digest"] == hashlib.sha256(text.encode()).hexdigest()
            assert seen.pop().payload == text
        await other.order("call", to="me", method="long", payload="")
        await other.wait("answer", size=len(LONG))
        for method, code, data in (
            ("nothing", RpcErrorCode.UNSUPPORTED_METHOD, ""),
            ("fail", RpcErrorCode.APPLICATION_ERROR, ""),
            ("refuse", 1234, "because"),
        ):
            await other.order("call", to="me", method=method, payload=SHORT)
            assert (await other.wait("rpc_error", code=code))["data"] == data
        nursery.cancel_scope.cancel()


@on_each_server
@with_each_client
async def test_we_call_them(which: str, client: str, tmp_path: Path) -> None:
    async with open_call(which, client, tmp_path) as (room, other):
        await other.order("serve_rpc")
        call = room.local_participant.perform_rpc
        for text in ("", SHORT, FULL, LONG):
            assert await call("other", "echo", text, response_timeout=9) == text
        async with trio.open_nursery() as nursery:

            async def check(text: str) -> None:
                assert await call("other", "echo", text) == text

            for number in range(20):
                nursery.start_soon(check, str(number))
        told = await other.wait("called", identity="me")
        assert told["seconds"] == pytest.approx(9, abs=0.1)
        for method, code, data in (
            ("nothing", RpcErrorCode.UNSUPPORTED_METHOD, ""),
            ("fail", RpcErrorCode.APPLICATION_ERROR, ""),
            ("refuse", 1234, "because"),
        ):
            with pytest.raises(RpcError) as caught:
                await call("other", method)
            assert (caught.value.code, caught.value.data) == (code, data), method
        with pytest.raises(RpcError) as caught:
            await call("other", "linger", response_timeout=1)
        assert caught.value.code == RpcErrorCode.RESPONSE_TIMEOUT
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other.order, "leave")
            with pytest.raises(RpcError) as caught:
                await call("other", "linger")
        assert caught.value.code == RpcErrorCode.RECIPIENT_DISCONNECTED


@on_each_server
@with_each_client
async def test_version_1(
    which: str, client: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What both do as long as we claim to know no other."""
    monkeypatch.setattr(joining, "CLIENT_PROTOCOL", 0)
    async with open_call(which, client, tmp_path) as (room, other), trio.open_nursery() as nursery:
        await nursery.start(room.serve_rpc, "echo", echo)
        await other.order("serve_rpc")
        for text in ("", SHORT, FULL):
            await other.order("call", to="me", method="echo", payload=text)
            answer = await other.wait("answer", size=len(text))
            assert answer["digest"] == hashlib.sha256(text.encode()).hexdigest()
            assert await room.local_participant.perform_rpc("other", "echo", text) == text
        await other.order("call", to="me", method="echo", payload=LONG)
        await other.wait("rpc_error", code=RpcErrorCode.REQUEST_PAYLOAD_TOO_LARGE)
        nursery.cancel_scope.cancel()


async def perform(server: RoomServer, method: str, payload: str) -> str:
    async with server.api() as api:
        request = proto.PerformRpcRequest(
            room=server.room, destination_identity="me", method=method, payload=payload
        )
        return (await api.room.perform_rpc(request)).payload


@on_each_server
async def test_the_server_api_calls_us(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_participant(server.url, server.token("me")) as me,
            trio.open_nursery() as nursery,
        ):
            for name, handler in {"echo": echo, "fail": fail, "refuse": refuse}.items():
                await nursery.start(me.room.serve_rpc, name, handler)
            for text in (SHORT, FULL):
                assert await perform(server, "echo", text) == text
            for method, told in {
                "nothing": "RpcError 1400",
                "fail": "RpcError 1500",
                "refuse": "RpcError 1234: no, thank you: because",
            }.items():
                with pytest.raises(ServerError, match=told):
                    await perform(server, method, "")
            nursery.cancel_scope.cancel()
