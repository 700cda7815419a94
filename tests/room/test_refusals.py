"""A room that cannot be joined says why, in time, and leaves nothing behind."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import trio
import trustme

from lktrio import proto
from lktrio.auth import TokenSource
from lktrio.errors import (
    AuthenticationFailed,
    ConnectError,
    ConnectTimeout,
    DtlsFailed,
    IceFailed,
    JoinRejected,
    RemoteProtocolError,
    ServerUnreachable,
)
from lktrio.room import RoomOptions, Timeouts, open_room
from lktrio.rtc.peer import Peer
from lktrio.rtc.transport import TransportState, TransportStateChanged
from tests.support.scripted_room import Plan, open_scripted_server, quick
from tests.support.servers import VERSIONS, RoomServer

_SHORT = Timeouts(
    connect=0.3,
    upgrade=0.3,
    first_message=0.3,
    validate=0.3,
    transport=0.3,
    negotiation=0.3,
)


async def refused(url: str, token: str, options: RoomOptions | None = None) -> Exception:
    """Join, which has to fail, and return the exception."""
    with pytest.raises((ConnectError, RemoteProtocolError)) as caught:
        async with open_room(url, token, options):
            pytest.fail("it was joined")
    return caught.value


# What servers refuse


@VERSIONS
async def test_a_token_that_was_signed_with_another_secret(
    server: RoomServer, options: RoomOptions
) -> None:
    error = await refused(
        server.url, server.token("alice", secret="x" * 32), server.options(options)
    )
    assert isinstance(error, AuthenticationFailed)


@VERSIONS
async def test_an_expired_token(server: RoomServer, options: RoomOptions) -> None:
    token = server.token("alice", ttl=timedelta(minutes=1), now=1_600_000_000)
    error = await refused(server.url, token, server.options(options))
    assert isinstance(error, AuthenticationFailed)
    assert "expired" in str(error)


@VERSIONS
async def test_a_token_without_the_grant_to_join(server: RoomServer, options: RoomOptions) -> None:
    error = await refused(
        server.url, server.token("alice", room_join=False), server.options(options)
    )
    assert isinstance(error, AuthenticationFailed)


async def test_attributes_without_the_grant_to_set_them(server: RoomServer) -> None:
    options = server.options(RoomOptions(attributes={"seat": "3"}))
    error = await refused(server.url, server.token("alice"), options)
    assert isinstance(error, AuthenticationFailed)


async def test_a_wrong_path(server: RoomServer) -> None:
    error = await refused(server.url + "/elsewhere", server.token("alice"), server.options())
    assert isinstance(error, ServerUnreachable)


async def test_a_source_of_tokens_that_fails(server: RoomServer) -> None:
    async def fetch(request: object) -> None:
        raise AuthenticationFailed("the backend does not know you")

    source = TokenSource.custom(fetch)  # type: ignore[arg-type]
    with pytest.raises(AuthenticationFailed, match="does not know you"):
        async with open_room(server.url, source):
            pytest.fail("it was joined")


# Addresses where there is no server


@pytest.mark.parametrize("url", ["", "ftp://x", "not a url"])
async def test_what_cannot_be_a_url(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        async with open_room(url, "token"):
            pytest.fail("it was joined")


@pytest.mark.parametrize("token", ["", "two words", "é"])
async def test_what_cannot_be_a_token(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        async with open_room("ws://127.0.0.1:1", token):
            pytest.fail("it was joined")


async def test_a_closed_port() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening
        error = await refused(f"ws://127.0.0.1:{reserved.getsockname()[1]}", "token")
    assert isinstance(error, ServerUnreachable)
    assert isinstance(error.__cause__, OSError)


async def test_a_host_name_that_does_not_exist() -> None:
    error = await refused("ws://lktrio.invalid", "token", RoomOptions(timeouts=Timeouts()))
    assert isinstance(error, ServerUnreachable)


async def test_a_web_server_that_is_not_livekit() -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello"
    async with open_plain_server(answer) as url:
        error = await refused(url, "token")
    assert isinstance(error, ServerUnreachable)
    assert "LiveKit" in str(error)


async def test_something_that_does_not_speak_http() -> None:
    async with open_plain_server(b"SSH-2.0-OpenSSH_9.6\r\n") as url:
        error = await refused(url, "token")
    assert isinstance(error, (ServerUnreachable, JoinRejected))


async def test_tls_where_there_is_none() -> None:
    async with open_plain_server(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as url:
        error = await refused(url.replace("ws://", "wss://"), "token")
    assert isinstance(error, ServerUnreachable)
    assert "TLS" in str(error)


async def test_an_authority_of_our_own_can_be_trusted() -> None:
    """The context reaches the handshake: behind it there is another refusal."""
    authority = trustme.CA()
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nbad token"
    async with open_plain_server(answer, served) as url:
        url = url.replace("ws://", "wss://")
        assert isinstance(await refused(url, "token"), ServerUnreachable)
        error = await refused(url, "token", RoomOptions(ssl_context=trusting))
    assert isinstance(error, AuthenticationFailed)
    assert "bad token" in str(error)


async def test_a_server_that_never_answers() -> None:
    async with open_plain_server(None) as url:
        error = await refused(url, "token", RoomOptions(timeouts=_SHORT))
    assert isinstance(error, ConnectTimeout)
    assert "0.3 s" in str(error)


async def test_the_way_to_the_server_can_be_chosen() -> None:
    asked: list[tuple[str, int]] = []

    async def connect(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        asked.append((host, port))
        raise OSError("the tunnel is closed")

    error = await refused(
        "wss://example.com", "token", RoomOptions(open_tcp_stream=connect, join_retries=0)
    )
    assert isinstance(error, ServerUnreachable)
    assert asked == [("example.com", 443)]


# Servers that let us in, and then


@pytest.mark.virtual_time
async def test_the_offer_is_never_answered() -> None:
    async with open_scripted_server(Plan(answers=False)) as server:
        options = quick(negotiation=0.2)
        error = await refused(server.url, "token", server.options(options))
        assert isinstance(error, ConnectTimeout)
        assert "offer" in str(error)
        await server.room.visit.closed.wait()
        assert server.room.visit.left


@pytest.mark.virtual_time
async def test_the_answer_makes_no_sense() -> None:
    async with open_scripted_server(Plan(edit=lambda sdp: "v=0\r\nnonsense\r\n")) as server:
        error = await refused(server.url, "token", server.options())
        assert isinstance(error, RemoteProtocolError)
        assert "answer" in str(error)
        await server.room.visit.closed.wait()
        assert server.room.visit.left


@pytest.mark.virtual_time
async def test_no_way_for_media_within_the_deadline() -> None:
    async with open_scripted_server(Plan(media=False)) as server:
        started = trio.current_time()
        error = await refused(server.url, "token", server.options(quick(transport=0.3)))
        assert isinstance(error, ConnectTimeout)
        assert "UDP" in str(error)
        assert trio.current_time() - started < 3
        await server.room.visit.closed.wait()
        assert server.room.visit.left


@pytest.mark.virtual_time
async def test_the_certificate_is_another_than_announced() -> None:
    def lie(sdp: str) -> str:
        other = ":".join(["AB"] * 32)
        return re.sub("(a=fingerprint:sha-256 )[0-9A-F:]+", rf"\g<1>{other}", sdp)

    async with open_scripted_server(Plan(edit=lie)) as server:
        error = await refused(server.url, "token", server.options())
        assert isinstance(error, DtlsFailed)


class _Unreachable(Peer):
    """A peer that has found out at once what takes ICE a while: no way leads to the server."""

    def set_answer(self, sdp: str, now: float) -> None:
        super().set_answer(sdp, now)
        self.events.append(TransportStateChanged(TransportState.FAILED, "no path works", "ice"))


@pytest.mark.virtual_time
async def test_all_ways_for_media_are_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lktrio.room.session.peer_connection.Peer", _Unreachable)
    async with open_scripted_server(Plan(media=False)) as server:
        error = await refused(server.url, "token", server.options())
        assert isinstance(error, IceFailed)
        assert "no path works" in str(error)
        await server.room.visit.closed.wait()
        assert server.room.visit.left


@pytest.mark.virtual_time
@pytest.mark.parametrize("before_answer", [True, False])
async def test_being_sent_away_while_joining(before_answer: bool) -> None:
    leave = proto.LeaveRequest(
        reason=proto.DisconnectReason.ROOM_DELETED, action=proto.LeaveRequest.Action.DISCONNECT
    )
    async with open_scripted_server(Plan(media=False)) as server:
        room = server.room

        async def send_away(offer: proto.SessionDescription) -> None:
            if not before_answer:
                await room.answer(offer)
            await room.send(leave=leave)

        room.on_offer = send_away
        error = await refused(server.url, "token", server.options())
        assert isinstance(error, JoinRejected)
        assert "room_deleted" in str(error)


@pytest.mark.virtual_time
async def test_the_server_vanishes_while_we_join() -> None:
    async with open_scripted_server(Plan(media=False)) as server:
        room = server.room

        async def vanish(offer: proto.SessionDescription) -> None:
            await room.visit.drop()

        room.on_offer = vanish
        error = await refused(server.url, "token", server.options())
        assert isinstance(error, ServerUnreachable)
        assert "lost" in str(error)


@asynccontextmanager
async def open_plain_server(
    answer: bytes | None, context: ssl.SSLContext | None = None
) -> AsyncGenerator[str, None]:
    """A server that answers everything with the same bytes, or never; yields its URL."""

    async def serve(stream: trio.abc.Stream) -> None:
        if context is not None:
            stream = trio.SSLStream(stream, context, server_side=True)
        try:
            await stream.receive_some()
            if answer is None:
                await trio.sleep_forever()
            await stream.send_all(answer or b"")
            await stream.aclose()
        except trio.BrokenResourceError:
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield f"ws://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()
