"""What clients send is bounded, and one client's trouble is nobody else's."""

from __future__ import annotations

import base64
import gzip
import random
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from urllib.parse import quote, unquote

import pytest
import trio

from lktrio import proto
from lktrio.auth import AccessToken, Claims, VideoGrants, verify_token
from lktrio.devserver.http import HttpError
from lktrio.devserver.joining import parse_join
from lktrio.proto import codec
from tests.support.caller import open_caller
from tests.support.places import Place, serve_place
from tests.support.raw_http import connect, read_answer, request
from tests.support.signal_client import SignalClient, join_request, joined

pytestmark = pytest.mark.virtual_time

LIMIT = 100  # seconds, of virtual time


@asynccontextmanager
async def open_scene() -> AsyncGenerator[tuple[Place, SignalClient], None]:
    """A server with an honest client, which must not notice anything."""
    with trio.fail_after(LIMIT):
        async with serve_place() as server, joined(server, "honest") as honest:
            yield server, honest
            await honest.ping()


async def test_a_head_that_never_ends_is_cut_off() -> None:
    async with open_scene() as (server, _):
        stream = await connect(server)
        async with stream:
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n")
            assert await stream.receive_some() == b""


async def test_a_connection_that_stays_idle_is_closed() -> None:
    with trio.fail_after(LIMIT):
        async with serve_place() as server, await connect(server) as stream:
            assert await stream.receive_some() == b""


async def send_until_closed(stream: trio.abc.HalfCloseableStream, data: bytes) -> None:
    """Send the same again and again, until the server has had enough."""
    with pytest.raises(trio.BrokenResourceError):  # noqa: PT012 - it takes a while
        while True:
            await stream.send_all(data)


async def test_a_head_that_is_too_large_is_refused() -> None:
    async with open_scene() as (server, _):
        stream = await connect(server)
        async with stream:
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n")
            await send_until_closed(stream, b"X-Filler: " + b"x" * 65536 + b"\r\n")


async def test_a_long_join_request_is_taken() -> None:
    request_text = base64.urlsafe_b64encode(bytes(500_000)).decode()
    async with open_scene() as (server, _):
        token = server.token("me", "room")
        path = f"/rtc/v1/validate?join_request={request_text}"
        answer = await request(server, "GET", path, [("Authorization", f"Bearer {token}")])
    assert answer.status == 400  # read, and found to be nonsense
    assert answer.text == "cannot unmarshal wrapped join request"


async def test_a_join_request_that_inflates_without_end_is_refused() -> None:
    wrapped = proto.WrappedJoinRequest(
        compression=proto.WrappedJoinRequest.Compression.GZIP,
        join_request=gzip.compress(bytes(2**22)),
    )
    text = quote(base64.urlsafe_b64encode(codec.encode(wrapped)))
    async with open_scene() as (server, _):
        token = server.token("me", "room")
        path = f"/rtc/v1/validate?join_request={text}"
        answer = await request(server, "GET", path, [("Authorization", f"Bearer {token}")])
    assert (answer.status, answer.text) == (400, "join request too large")


async def test_control_characters_of_clients_do_not_reach_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    forged = "eve\nWARNING all is well\x1b[2J\u202e"
    caplog.set_level("DEBUG", "lktrio.devserver")
    async with open_scene() as (server, _), joined(server, forged) as client:
        await client.send(offer=proto.SessionDescription(type="offer", sdp=f"v=0\n{forged}=x"))
        await client.wait_for("leave")
        answer = await request(server, "PUT", "/twirp/livekit.RoomService/\u009b2J")
    lines = [record.getMessage() for record in caplog.records]
    assert any("eve" in line for line in lines)
    assert all(line.isprintable() for line in [*lines, answer.text])


async def test_too_many_parameters_are_refused() -> None:
    async with open_scene() as (server, _):
        token = server.token("me", "room")
        path = "/rtc/validate?" + "&".join(f"a{number}=1" for number in range(200))
        answer = await request(server, "GET", path, [("Authorization", f"Bearer {token}")])
    assert answer.status == 400


CALL = "POST /twirp/livekit.RoomService/ListRooms HTTP/1.1\r\nHost: x\r\n"
CALL += "Content-Type: application/protobuf\r\n"


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with open_scene() as (server, _):
        head = f"{CALL}Authorization: Bearer {server.token('me', 'room', room_list=True)}\r\n"
        async with await connect(server) as stream:
            await stream.send_all(f"{head}Content-Length: {10 * 1024**2 + 1}\r\n\r\n".encode())
            answer = await read_answer(stream)
        async with await connect(server) as stream:
            await stream.send_all(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            await send_until_closed(stream, b"10000\r\n" + bytes(65536) + b"\r\n")
    assert (answer.status, answer.text) == (413, "request body too large")
    assert answer.headers["connection"] == "close"


async def test_without_a_token_no_body_is_read() -> None:
    async with open_scene() as (server, _), await connect(server) as stream:
        await stream.send_all(f"{CALL}Content-Length: 1000000\r\n\r\n".encode())
        answer = await read_answer(stream)  # though no byte of the body was sent
    assert answer.status == 401
    assert "permissions denied" in answer.text
    assert answer.headers["connection"] == "close"


async def test_without_a_token_no_join_request_is_decoded() -> None:
    async with open_scene() as (server, _):
        answer = await request(server, "GET", "/rtc/v1/validate?join_request=nonsense")
    assert (answer.status, answer.text) == (401, "no permissions to access the room")


async def test_a_head_of_too_many_lines_is_refused() -> None:
    async with open_scene() as (server, _):
        for lines in (b"a: b\r\n" * 200, b"a: b\n" * 200, b"\r\n" * 4 + b"a: b\r\n" * 200):
            async with await connect(server) as stream:
                await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n" + lines.lstrip() + b"\r\n")
                answer = await read_answer(stream)
            assert (answer.status, answer.text) == (431, "too many header fields"), lines[:8]


async def test_who_would_be_described_at_too_great_length_cannot_join() -> None:
    cases: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "exceeds name length limit": ({"name": "n" * 257}, {}),
        "exceeds metadata size limit": ({}, {"metadata": "m" * (512 * 1024 + 1)}),
        "exceeds attributes size limit": ({"attributes": {"a": "b" * 64 * 1024}}, {}),
    }
    for reason, (claims, fields) in cases.items():
        query = {"join_request": unquote(join_request(**fields))}
        with pytest.raises(HttpError, match=reason):
            parse_join(query, claims_of(**claims), v1=True, strict=True)


def claims_of(**fields: Any) -> Claims:
    """The claims of a token that lets somebody join."""
    video = VideoGrants(room_join=True, room="room", can_update_own_metadata=True)
    token = AccessToken(identity="me", video=video, **fields).to_jwt("key", "secret")
    return verify_token(token, {"key": "secret"})


GARBAGE = {
    "tls": b"\x16\x03\x01\x02\x00\x01\x00",
    "no target": b"GET\r\n\r\n",
    "empty lines": b"\r\n" * 1000 + b"\x00",
    "version": b"GET / HTTP/9.9\r\n\r\n",
}


async def test_what_is_not_http_is_closed() -> None:
    async with open_scene() as (server, honest):
        for garbage in GARBAGE.values():
            async with await connect(server) as stream:
                await stream.send_all(garbage)
                await stream.send_eof()
                with suppress(trio.BrokenResourceError):  # closed with our bytes unread
                    while await stream.receive_some():
                        pass
            await honest.ping()


async def test_a_message_that_is_too_large_ends_the_link() -> None:
    async with open_scene() as (server, honest):
        async with joined(server, "me") as client:
            await client.try_send(bytes(3 * 1024 * 1024))
            await client.wait_closed()
        await honest.ping()


OFFERS = {
    "empty": "",
    "nonsense": "nonsense",
    "no fingerprint": (
        "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
    ),
    "huge": "v=0\r\n" + "a=x\r\n" * 100_000,
}


async def test_offers_that_make_no_sense_end_that_session_alone() -> None:
    async with open_scene() as (server, _):
        for case, sdp in OFFERS.items():
            async with joined(server, "me") as client:
                await client.send(offer=proto.SessionDescription(type="offer", sdp=sdp))
                leave = await client.wait_for("leave")
                assert leave.action == proto.LeaveRequest.Action.RECONNECT, case


async def test_answers_to_no_offer_are_ignored() -> None:
    async with open_scene() as (server, _), joined(server, "me", can_subscribe=False) as client:
        await client.send(answer=proto.SessionDescription(type="answer", sdp="v=0\r\n"))
        await client.ping()


async def test_random_messages_end_at_most_that_link() -> None:
    source = random.Random(7)
    async with open_scene() as (server, honest):
        for _ in range(12):
            async with joined(server, "me") as client:
                for _ in range(5):
                    await client.try_send(source.randbytes(source.randrange(60)))
                await honest.ping()


async def test_mutated_messages_end_at_most_that_session() -> None:
    source = random.Random(8)
    seeds = [
        proto.SignalRequest(add_track=proto.AddTrackRequest(cid="c", name="n")),
        proto.SignalRequest(mute=proto.MuteTrackRequest(sid="TR_x")),
        proto.SignalRequest(
            subscription=proto.UpdateSubscription(track_sids=["TR_x"], subscribe=True)
        ),
        proto.SignalRequest(track_setting=proto.UpdateTrackSettings(track_sids=["TR_x"], width=5)),
        proto.SignalRequest(
            trickle=proto.TrickleRequest(candidateInit='{"candidate":"candidate:1 1 udp 1"}')
        ),
    ]
    async with open_scene() as (server, honest):
        for _ in range(10):
            async with joined(server, "me") as client:
                for seed in seeds:
                    data = bytearray(codec.encode(seed))
                    data[source.randrange(len(data))] ^= 1 << source.randrange(8)
                    await client.try_send(bytes(data))
                await honest.ping()


async def test_datagrams_of_strangers_change_nothing() -> None:
    source = random.Random(9)
    async with open_scene() as (server, _), open_caller(server, "alice") as alice:
        await alice.wait(alice.connected.is_set)
        sdp = alice.publisher.remote_description or ""
        line = next(line for line in sdp.splitlines() if line.startswith("a=candidate"))
        port = int(line.split()[5])
        stranger = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
        with stranger:
            for first in range(256):
                data = bytes((first,)) + source.randbytes(100)
                await stranger.sendto(data, ("127.0.0.1", port))
        async with open_caller(server, "bob") as bob:
            packet = proto.DataPacket(user=proto.UserPacket(payload=b"x"))
            await alice.send_data(packet)
            await bob.wait(lambda: bob.packets)


async def test_of_too_many_idle_connections_the_oldest_goes() -> None:
    async with open_scene() as (server, _), AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(await connect(server)) for _ in range(65)]
        assert await streams[0].receive_some() == b""
        await streams[-1].send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await read_answer(streams[-1])).status == 200


async def test_with_all_places_taken_the_oldest_idle_connection_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lktrio.devserver.server.MAX_CONNECTIONS", 2)
    async with open_scene() as (server, _):  # in one place there is an honest client
        idle = await connect(server)
        async with idle, await connect(server) as other:
            assert await idle.receive_some() == b""
            await other.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await read_answer(other)).status == 200


async def test_sessions_do_not_make_place_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lktrio.devserver.server.MAX_CONNECTIONS", 1)
    async with open_scene() as (server, _), await connect(server) as extra:
        with suppress(trio.BrokenResourceError):  # closed before it was read
            assert await extra.receive_some() == b""


async def test_who_does_not_read_loses_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lktrio.devserver.link.MAX_QUEUE", 1_000_000)
    async with open_scene() as (server, honest):
        async with joined(server, "me", can_update_own_metadata=True) as client:
            deaf = await deaf_client(server)
            change = proto.UpdateParticipantMetadata(metadata="m" * 100_000)
            gone = proto.ParticipantInfo.State.DISCONNECTED
            while not any(
                info.identity == "deaf" and info.state == gone
                for message in client.received
                if message.update is not None
                for info in message.update.participants
            ):
                change.metadata = "mn"[len(client.received) % 2] * 100_000
                await client.send(update_metadata=change)
                await client.ping()
            await trio.aclose_forcefully(deaf)
        await honest.ping()


async def deaf_client(server: Place) -> trio.abc.HalfCloseableStream:
    """Join and never read."""
    stream = await connect(server)
    head = (
        "GET /rtc?protocol=17 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Authorization: Bearer {server.token('deaf', 'room')}\r\n\r\n"
    )
    await stream.send_all(head.encode())
    return stream
