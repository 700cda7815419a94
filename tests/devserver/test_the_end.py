"""When the server ends, clients are told and nothing is left."""

from __future__ import annotations

import socket

import pytest
import trio

from lktrio import proto
from lktrio.devserver import DevServer, open_dev_server, serve_dev_server
from tests.support.caller import open_caller
from tests.support.places import place_of
from tests.support.signal_client import SignalClient, joined, open_client

LIMIT = 20


async def test_everybody_is_told_that_the_server_shuts_down() -> None:
    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as nursery:
            servers = trio.CancelScope()

            async def serve(*, task_status: trio.TaskStatus[DevServer]) -> None:
                with servers:
                    await serve_dev_server(task_status=task_status)

            server = await nursery.start(serve)
            place = place_of(server)
            async with joined(place, "one") as one, joined(place, "two", "other") as two:
                servers.cancel()
                for client in (one, two):
                    leave = await client.wait_for("leave")
                    assert leave.reason == proto.DisconnectReason.SERVER_SHUTDOWN
                    assert await client.wait_closed() == 1000


async def test_the_block_ends_soon_even_if_a_client_does_not_take_part() -> None:
    with trio.fail_after(LIMIT):
        async with open_dev_server() as server:
            stream = await trio.open_tcp_stream("127.0.0.1", server.port)
            await stream.send_all(b"GET / HTT")
            started = trio.current_time()
        assert trio.current_time() - started < 3
        await trio.aclose_forcefully(stream)


async def test_the_block_ends_at_once_with_idle_connections() -> None:
    with trio.fail_after(LIMIT):
        async with open_dev_server() as server:
            stream = await trio.open_tcp_stream("127.0.0.1", server.port)
            await trio.sleep(0.05)
            started = trio.current_time()
        assert trio.current_time() - started < 1
        async with stream:
            assert await stream.receive_some() == b""


async def test_nothing_listens_afterwards() -> None:
    with trio.fail_after(LIMIT):
        async with open_dev_server() as server, open_caller(place_of(server), "alice") as alice:
            await alice.wait(alice.connected.is_set)
            port = server.port
        with pytest.raises(OSError, match="all attempts to connect"):
            await trio.open_tcp_stream("127.0.0.1", port)


async def test_the_error_of_the_block_comes_out_bare() -> None:
    with pytest.raises(ValueError, match="mine"):
        async with open_dev_server():
            raise ValueError("mine")


async def test_a_taken_port_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            async with open_dev_server(port=taken.getsockname()[1]):
                pass


async def test_servers_are_independent() -> None:
    with trio.fail_after(LIMIT):
        async with open_dev_server() as one, open_dev_server(api_secret="other") as two:
            assert one.port != two.port
            async with joined(place_of(one), "me") as first, joined(place_of(two), "me") as second:
                await first.ping()
                await second.ping()


async def test_it_serves_on_the_address_it_is_told() -> None:
    with trio.fail_after(LIMIT):
        async with open_dev_server(host="127.0.0.2") as server:
            assert server.url == f"ws://127.0.0.2:{server.port}"
            stream = await trio.open_tcp_stream("127.0.0.2", server.port)
            await stream.aclose()


async def test_tokens_have_the_grants_they_are_asked_for() -> None:
    with trio.fail_after(LIMIT):
        async with open_dev_server() as server:
            token = server.token(
                "me", "room", name="Me", metadata="m", attributes={"a": "b"}, kind="agent"
            )
            async with open_client(place_of(server), token) as client:
                info = await joined_as(client)
    assert (info.name, info.metadata, info.attributes) == ("Me", "m", {"a": "b"})
    assert info.kind == proto.ParticipantInfo.Kind.AGENT


async def joined_as(client: SignalClient) -> proto.ParticipantInfo:
    join = await client.wait_for("join")
    participant: proto.ParticipantInfo = join.participant
    return participant
