"""Mistakes of the user are refused where they are made, with what was wrong, and harm nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
import trio
import trio.testing

import lktrio
from lktrio import devserver, media
from lktrio.events import DataReceived

OPUS_PACKET = b"\x78" + bytes(20)


def frame(timestamp: float, duration: float = 0.02) -> media.EncodedFrame:
    return media.EncodedFrame(OPUS_PACKET, timestamp, duration)


@pytest.mark.parametrize(
    ("wrong", "error", "hint"),
    [
        (b"abc", TypeError, "EncodedFrame is needed, not bytes"),
        (None, TypeError, "EncodedFrame is needed, not NoneType"),
        (frame(math.nan), ValueError, "cannot begin at nan s"),
        (frame(math.inf), ValueError, "cannot begin at inf s"),
        (frame(0.0, math.nan), ValueError, "last nan s"),
    ],
)
async def test_what_cannot_be_sent_on_a_track(
    wrong: Any, error: type[Exception], hint: str
) -> None:
    with trio.fail_after(20):
        async with (
            devserver.open_dev_server() as server,
            lktrio.open_room(server.url, server.token("alice", "room")) as room,
            room.local_participant.publish_track(media.OPUS, name="mic") as track,
        ):
            with pytest.raises(error, match=hint):
                await track.send(wrong)
            for step in range(3):  # the schedule is not spoilt
                await track.send(frame(0.02 * step))


async def test_two_tasks_that_send_on_one_track() -> None:
    with trio.fail_after(20):
        async with (
            devserver.open_dev_server() as server,
            lktrio.open_room(server.url, server.token("alice", "room")) as room,
            room.local_participant.publish_track(media.OPUS, name="mic") as track,
            trio.open_nursery() as nursery,
        ):
            await track.send(frame(0.0))
            nursery.start_soon(track.send, frame(0.5))
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError, match="another task"):
                await track.send(frame(0.52))


@pytest.mark.parametrize("wrong", ["opus", None])
async def test_a_codec_that_is_none(wrong: Any) -> None:
    with trio.fail_after(20):
        async with (
            devserver.open_dev_server() as server,
            lktrio.open_room(server.url, server.token("alice", "room")) as room,
        ):
            with pytest.raises(TypeError, match=r"such as media\.OPUS"):
                room.local_participant.publish_track(wrong, name="mic")


@pytest.mark.parametrize("wrong", [5, None, [1, 2]])
async def test_data_that_is_neither_bytes_nor_text(wrong: Any) -> None:
    with trio.fail_after(20):
        async with (
            devserver.open_dev_server() as server,
            lktrio.open_room(server.url, server.token("alice", "room")) as alice,
            lktrio.open_room(server.url, server.token("bob", "room")) as bob,
        ):
            events = bob.events(DataReceived)
            with pytest.raises(TypeError, match="bytes-like"):
                await alice.local_participant.publish_data(wrong)
            await alice.local_participant.publish_data(bytearray(b"right"))
            received = await events.receive()
            assert received.data == b"right"


@pytest.mark.parametrize("wrong", [None, 5, b"token"])
async def test_a_token_that_is_no_text(wrong: Any) -> None:
    with pytest.raises(ValueError, match="AccessToken"):
        async with lktrio.open_room("ws://127.0.0.1:1", wrong):
            pytest.fail("it was joined")


async def test_what_cannot_be_a_data_track() -> None:
    wrong: Any
    with trio.fail_after(20):
        async with (
            devserver.open_dev_server() as server,
            lktrio.open_room(server.url, server.token("alice", "room")) as room,
        ):
            me = room.local_participant
            for wrong in (None, 5, b"x"):
                with pytest.raises(TypeError, match=r"name of a data track is text, not"):
                    async with me.publish_data_track(wrong):
                        raise AssertionError
                with pytest.raises(TypeError, match="key of a data blob is text, not"):
                    await me.store_data_blob(wrong, "x")
            for wrong in ("pose.v1", 5):
                with pytest.raises(TypeError, match="a schema is a DataTrackSchemaId, not"):
                    async with me.publish_data_track("x", schema=wrong):
                        raise AssertionError
            async with me.publish_data_track("x") as track:
                for wrong in ("text", 5, None):
                    with pytest.raises(TypeError, match="bytes-like"):
                        await track.send(wrong)
                for wrong in (0.5, "1"):
                    with pytest.raises(TypeError, match="a whole number, not"):
                        await track.send(b"x", user_timestamp=wrong)
                await track.send(b"x")
