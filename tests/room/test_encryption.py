"""What is encrypted from end to end is neither read nor sent in the clear, and that is told."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, cast

import pytest

from lktrio import media, proto
from lktrio.errors import EncryptedData, EncryptionUnavailable
from lktrio.proto.codec import encode
from lktrio.room import RoomOptions
from lktrio.room.state.events import EncryptionError, RoomEvent
from lktrio.room.state.participant import Participant
from lktrio.room.state.room_state import RoomState
from tests.support.servers import RoomServer, until


def test_what_arrives_encrypted_is_dropped_counted_and_told_once_for_each_sender(
    caplog: pytest.LogCaptureFixture,
) -> None:
    join = proto.JoinResponse(
        room=proto.Room(name="demo"), participant=proto.ParticipantInfo(identity="me", sid="PA_me")
    )
    state = RoomState(join, cast("Any", None), Participant)  # nothing here asks the server
    sealed = proto.EncryptedPacket(iv=bytes(12), encrypted_value=b"?" * 40)
    news: list[RoomEvent] = []
    for sid in ("PA_a", "PA_b\n", "PA_a", "PA_a"):
        packet = proto.DataPacket(
            participant_identity=f"of {sid}", participant_sid=sid, encrypted_packet=sealed
        )
        for reliable in (True, False):
            with caplog.at_level(logging.DEBUG):
                news += state.receive_data(encode(packet), reliable=reliable, now=0.0)
    assert state.data_stats.encrypted == 8
    assert state.data_stats.unhandled == 0
    told = [event for event in news if isinstance(event, EncryptionError)]
    assert len(told) == len(news) == len(caplog.messages) == 2
    assert isinstance(told[0].error, EncryptedData)
    assert told[0].participant is not None
    assert told[0].participant.identity == "of PA_a"
    assert all(line.isprintable() for line in caplog.messages)


async def test_nothing_leaves_in_the_clear_that_is_to_be_encrypted(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice", RoomOptions(encryption=True)) as one:
        me = one.local_participant
        await until(lambda: bool(one.remote_participants and bob.remote_participants))

        async def enter(block: AbstractAsyncContextManager[object]) -> None:
            async with block:
                pass

        refused: list[Callable[[], Awaitable[object]]] = [
            partial(me.publish_data, b"secret"),
            partial(me.publish_data, b"secret", reliable=False),
            partial(me.send_text, "secret"),
            partial(me.send_bytes, b"secret"),
            partial(me.perform_rpc, "bob", "method", "secret"),
            lambda: enter(me.stream_text()),
            lambda: enter(me.stream_bytes()),
            lambda: enter(me.publish_track(media.OPUS)),
            lambda: enter(me.publish_data_track("pose")),
        ]
        for send in refused:
            with pytest.raises(EncryptionUnavailable):
                await send()
        await bob.local_participant.publish_data(b"open")  # receiving is another matter
        await until(lambda: one.data_stats.received == 1)
        assert bob.data_stats.received == 0
        assert not bob.remote_participants["alice"].track_publications
