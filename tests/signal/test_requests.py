"""Sending requests, and matching the server's answers to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from lktrio import proto
from lktrio.errors import (
    CodecRejected,
    LocalProtocolError,
    NotPermitted,
    PublishError,
    PublishTimeout,
    ServerError,
)
from lktrio.signal import SignalConnection, Timeouts, open_signal
from lktrio.signal.connection import MAX_REQUEST_SIZE, OUTBOUND_QUEUE
from lktrio.signal.requests import answers
from tests.support.signal_server import (
    Script,
    Visit,
    join_and_stay,
    open_memory_server,
    open_signal_server,
)

Reason = proto.RequestResponse.Reason
TRACK = proto.AddTrackRequest(cid="cid", name="mic")
MUTE = proto.SignalRequest(mute=proto.MuteTrackRequest(sid="TR_x", muted=True))


@asynccontextmanager
async def connected(script: Script, **more: Any) -> AsyncGenerator[tuple[SignalConnection, Visit]]:
    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token", **more) as connection,
    ):
        yield connection, server.visit


def published(cid: str, sid: str) -> proto.SignalResponse:
    track = proto.TrackPublishedResponse(cid=cid, track=proto.TrackInfo(sid=sid))
    return proto.SignalResponse(track_published=track)


def refused(reason: proto.RequestResponse.Reason, **echo: Any) -> proto.SignalResponse:
    response = proto.RequestResponse(reason=reason, message="because", **echo)
    return proto.SignalResponse(request_response=response)


async def test_requests_arrive_whole_and_in_order() -> None:
    async with connected(join_and_stay) as (connection, visit):
        for number in range(1000):
            await connection.send(
                proto.SignalRequest(mute=proto.MuteTrackRequest(sid=f"TR_{number}"))
            )
        await connection.send(proto.SignalRequest(subscription=proto.UpdateSubscription()))
        await visit.wait_for("subscription")
    sids = [request.mute.sid for request in visit.requests if request.mute is not None]
    assert sids == [f"TR_{number}" for number in range(1000)]
    assert connection.statistics.sent == 1000 + 1 + 2  # subscription, ping and leave


async def test_a_track_is_announced_and_accepted() -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        request = await visit.wait_for("add_track")
        assert request.add_track == TRACK
        await visit.send(published("other", "TR_other"), published("cid", "TR_cid"))

    async with connected(script) as (connection, _):
        assert (await connection.add_track(TRACK)).sid == "TR_cid"
        assert await connection.responses.receive() == published("other", "TR_other")


async def test_a_queued_track_is_accepted_later() -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.wait_for("add_track")
        await visit.send(refused(Reason.QUEUED, add_track=TRACK), published("cid", "TR_cid"))

    async with connected(script) as (connection, _):
        assert (await connection.add_track(TRACK)).sid == "TR_cid"


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (Reason.NOT_ALLOWED, NotPermitted),
        (Reason.UNSUPPORTED_TYPE, CodecRejected),
        (Reason.LIMIT_EXCEEDED, PublishError),
        (Reason.NOT_FOUND, PublishError),
        (Reason(99), PublishError),
    ],
)
async def test_a_track_is_refused(
    reason: proto.RequestResponse.Reason, error: type[PublishError]
) -> None:
    other = proto.AddTrackRequest(cid="other")

    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.wait_for("add_track")
        await visit.send(refused(Reason.NOT_ALLOWED, add_track=other))
        await visit.send(refused(reason, add_track=TRACK))

    async with connected(script) as (connection, _):
        with pytest.raises(PublishError, match=r"'cid'.*because") as caught:
            await connection.add_track(TRACK)
        assert type(caught.value) is error
        assert await connection.responses.receive() == refused(Reason.NOT_ALLOWED, add_track=other)


async def test_two_tracks_at_once_get_their_own_answers() -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.wait_for("add_track", 2)
        await visit.send(published("b", "TR_b"), published("a", "TR_a"))

    sids: dict[str, str] = {}

    async def add(connection: SignalConnection, cid: str) -> None:
        sids[cid] = (await connection.add_track(proto.AddTrackRequest(cid=cid))).sid

    async with connected(script) as (connection, _), trio.open_nursery() as nursery:
        nursery.start_soon(add, connection, "a")
        nursery.start_soon(add, connection, "b")
    assert sids == {"a": "TR_a", "b": "TR_b"}


async def test_a_late_answer_to_a_cancelled_request_is_delivered() -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.wait_for("mute")
        await visit.send(published("cid", "TR_cid"))

    async with connected(script) as (connection, visit):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.add_track, TRACK)
            await visit.wait_for("add_track")
            nursery.cancel_scope.cancel()
        await connection.send(MUTE)
        assert await connection.responses.receive() == published("cid", "TR_cid")


async def test_metadata_is_changed() -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        request = await visit.wait_for("update_metadata")
        assert request.update_metadata is not None
        number = request.update_metadata.request_id
        await visit.send(
            proto.SignalResponse(request_response=proto.RequestResponse(request_id=number + 1)),
            proto.SignalResponse(request_response=proto.RequestResponse(request_id=number)),
        )

    async with connected(script) as (connection, visit):
        await connection.update_metadata(name="n", metadata="m", attributes={"a": "b"})
    update = (await visit.wait_for("update_metadata")).update_metadata
    assert update is not None
    assert (update.name, update.metadata, update.attributes) == ("n", "m", {"a": "b"})
    assert update.request_id != 0


@pytest.mark.parametrize(
    ("reason", "error", "code"),
    [
        (Reason.NOT_ALLOWED, NotPermitted, None),
        (Reason.LIMIT_EXCEEDED, ServerError, "limit_exceeded"),
        (Reason(77), ServerError, "reason_77"),
    ],
)
async def test_a_change_of_metadata_is_refused(
    reason: proto.RequestResponse.Reason, error: type[Exception], code: str | None
) -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        update = (await visit.wait_for("update_metadata")).update_metadata
        assert update is not None
        await visit.send(refused(reason, request_id=update.request_id))

    async with connected(script) as (connection, _):
        with pytest.raises(error, match="because") as caught:
            await connection.update_metadata(name="n")
        assert getattr(caught.value, "code", None) == code


async def test_old_servers_that_do_not_say_ok_are_not_waited_for() -> None:
    async def script(visit: Visit) -> None:
        await visit.join(server_info=proto.ServerInfo(version="1.5.0", protocol=12))

    async with connected(script) as (connection, visit):
        with trio.fail_after(5):
            await connection.update_metadata(name="n")
        await visit.wait_for("update_metadata")


async def test_unmatched_refusals_are_delivered() -> None:
    answer = refused(Reason.NOT_FOUND, mute=proto.MuteTrackRequest(sid="TR_x"))

    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.wait_for("mute")
        await visit.send(answer)

    async with connected(script) as (connection, _):
        await connection.send(MUTE)
        response = (await connection.responses.receive()).request_response
        assert response is not None
        assert answers(response, MUTE)


def test_answers_are_told_apart_by_number_and_by_echo() -> None:
    update = proto.SignalRequest(update_metadata=proto.UpdateParticipantMetadata(request_id=7))
    add = proto.SignalRequest(add_track=TRACK)
    assert answers(proto.RequestResponse(request_id=7), update)
    assert not answers(proto.RequestResponse(request_id=8), update)
    assert not answers(proto.RequestResponse(request_id=7), MUTE)
    assert answers(proto.RequestResponse(add_track=TRACK), add)
    assert not answers(proto.RequestResponse(add_track=proto.AddTrackRequest(cid="other")), add)
    assert not answers(proto.RequestResponse(mute=MUTE.mute), add)
    assert not answers(proto.RequestResponse(), add)
    assert not answers(proto.RequestResponse(), proto.SignalRequest(ping=5))


async def test_a_request_that_the_server_would_drop_the_link_for_is_refused() -> None:
    update = proto.UpdateParticipantMetadata(metadata="x" * MAX_REQUEST_SIZE)
    async with connected(join_and_stay) as (connection, _):
        with pytest.raises(LocalProtocolError, match="larger"):
            await connection.send(proto.SignalRequest(update_metadata=update))
        with pytest.raises(LocalProtocolError, match="larger"):
            connection.send_nowait(proto.SignalRequest(update_metadata=update))


class TestVirtualTime:
    async def test_a_track_that_nobody_acknowledges(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async with (
            open_memory_server(join_and_stay) as (server, connect),
            open_signal(
                server.url, "token", timeouts=Timeouts(add_track=3), connect=connect
            ) as connection,
        ):
            with pytest.raises(PublishTimeout, match="'cid' within 3 s"):
                await connection.add_track(TRACK)
            assert trio.current_time() == pytest.approx(3)

    async def test_a_change_of_metadata_that_nobody_acknowledges(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async with (
            open_memory_server(join_and_stay) as (server, connect),
            open_signal(
                server.url, "token", timeouts=Timeouts(request=3), connect=connect
            ) as connection,
        ):
            with pytest.raises(ServerError) as caught:
                await connection.update_metadata(name="n")
            assert caught.value.code == "deadline_exceeded"

    async def test_sending_waits_when_the_server_does_not_read(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async with stuck() as connection:
            await connection.send(MUTE)
            await trio.sleep(1)  # the writer has it, and cannot get rid of it
            for _ in range(OUTBOUND_QUEUE):
                connection.send_nowait(MUTE)
            with pytest.raises(trio.WouldBlock):
                connection.send_nowait(MUTE)
            with trio.move_on_after(1) as scope:
                await connection.send(MUTE)
            assert scope.cancelled_caught


@asynccontextmanager
async def stuck() -> AsyncGenerator[SignalConnection, None]:
    """A connection to a server that lets us in and then takes no bytes any more."""
    async with open_memory_server(join_and_stay) as (server, connect):

        async def connect_and_clog(host: str, port: int) -> trio.abc.Stream:
            stream = await connect(host, port)
            return _Clogged(stream)

        async with open_signal(server.url, "token", connect=connect_and_clog) as connection:
            yield connection


class _Clogged(trio.abc.Stream):
    """Takes the upgrade and one more write."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream, self.writes = stream, 2

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if not self.writes:
            await trio.sleep_forever()
        self.writes -= 1
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self.stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self.stream.aclose()
